/* SPDX-License-Identifier: Apache-2.0 */
/* Fields that name other fields: Connection (RFC 9110 7.6.1) and Trailer
 * (6.6.2). Pure. */
#ifndef NET_H1_NAMED_H
#define NET_H1_NAMED_H

#include "base/str.h"

/* Fields that neither may speak of: Connection would take them away from those
 * behind us, and in trailers they would come too late to be checked. */
bool h1_may_not_be_named(struct str name);
/* Is the name, if it may be named, in this list separated by commas? */
bool h1_is_named(struct str list, struct str name);

#endif
