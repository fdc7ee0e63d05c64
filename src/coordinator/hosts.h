/* SPDX-License-Identifier: Apache-2.0 */
/*
 * By which names a request may call us. A web page elsewhere can have its own
 * name point at our address and then ask us as if it were ours (DNS
 * rebinding); the Host it sends tells. Pure.
 */
#ifndef COORDINATOR_HOSTS_H
#define COORDINATOR_HOSTS_H

#include "base/str.h"

/* Is this host[:port] one of ours? Always: an address, a name without a dot
 * (nobody outside can own one), a name below .localhost, and none at all
 * (HTTP/1.0). Others have to be on the list, separated by commas; "*" is
 * every name. */
bool hosts_allow(struct str list, struct str authority);

#endif
