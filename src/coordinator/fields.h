/* SPDX-License-Identifier: Apache-2.0 */
/* Which header fields pass the proxy, in either direction. Pure. */
#ifndef COORDINATOR_FIELDS_H
#define COORDINATOR_FIELDS_H

#include "base/str.h"

/* Of a client's request: for this hop only, or claiming who asks. */
bool fields_drop_request(struct str name);
/* Of a worker's answer: for this hop only, or speaking for our origin. */
bool fields_drop_response(struct str name);
/* Is this a valid traceparent (W3C Trace Context, version 00)? */
bool fields_traceparent_ok(struct str v);
/* May this be a request id: 1 to 64 of [A-Za-z0-9._:-]? */
bool fields_request_id_ok(struct str v);
/* Does this Via value name us (then we are in a loop)? */
bool fields_via_names(struct str via, const char *name);

#endif
