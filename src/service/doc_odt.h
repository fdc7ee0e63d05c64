/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the ODT reader: what styles say about text and lists.
 */
#ifndef SERVICE_DOC_ODT_H
#define SERVICE_DOC_ODT_H

#include "base/map.h"
#include "service/doc_xml.h"

enum {
	ODT_LEVELS = 10,
	ODT_UNSET = -1
};

struct odt_style {
	char name[96]; /* family and name: "paragraph:P1" */
	char parent[96];
	int outline;
	int bold, italic, strike, hidden, script; /* or ODT_UNSET */
	bool resolved;
};

struct odt_list_style {
	char name[80];
	bool ordered[ODT_LEVELS];
	uint32_t start[ODT_LEVELS];
};

struct odt_styles {
	struct buf styles; /* struct odt_style[] */
	struct buf lists;  /* struct odt_list_style[] */
	struct map by_name;
	struct map lists_by_name;
	int in_list; /* its level styles belong to the last list style */
};

void odt_styles_init(struct odt_styles *s);
void odt_styles_fini(struct odt_styles *s);
/* Adds the styles of one XML document (styles.xml, content.xml). */
int odt_styles_add(struct odt_styles *s, struct str xml, const char *what,
    struct err *err);
/* To be called once all are added. */
void odt_styles_build(struct odt_styles *s);

/* With what it inherits; NULL when unknown. */
const struct odt_style *odt_style_find(struct odt_styles *s, const char *family,
    struct str name);
/* 1 to 6 for a paragraph style that makes a heading, else 0. */
int odt_style_heading(const struct odt_style *style);
const struct odt_list_style *odt_list_find(const struct odt_styles *s,
    struct str name);

#endif
