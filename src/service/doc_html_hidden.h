/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which elements of an HTML page are not shown: judged by element, attributes,
 * inline style and the simple rules of the page's style sheets (".x", "#x",
 * "tag.x" with display:none). No cascade, no media queries.
 */
#ifndef SERVICE_DOC_HTML_HIDDEN_H
#define SERVICE_DOC_HTML_HIDDEN_H

#include <libxml/tree.h>

#include "base/buf.h"
#include "base/map.h"

struct hidden {
	struct buf text; /* names of classes ('.') and ids ('#') that hide */
	struct map set;  /* of them; built by hidden_build() */
};

/* Reads one <style> element. */
void hidden_style(struct hidden *h, struct str css);
void hidden_build(struct hidden *h);
void hidden_fini(struct hidden *h);
bool hidden_is(const struct hidden *h, const xmlNode *node);
/* Does this inline style hide? */
bool hidden_by_style(struct str style);

#endif
