/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Puts links and proxy into a coordinator: links tell the registry, the edge
 * hands over link upgrades and service requests, assignments are pushed.
 */
#ifndef COORDINATOR_ROUTING_H
#define COORDINATOR_ROUTING_H

#include "coordinator/coordinator.h"

/* After registry and assign, before the listeners. */
void routing_start(struct coordinator *c);
/* n has just registered: an open link that it had before is its link still. */
void routing_joined(struct coordinator *c, struct node *n);
/* Lets workers know that no more comes; what runs goes on. */
void routing_drain(struct coordinator *c);
/* Cuts what is left. Before the registry goes; turn the loop a few times
 * afterwards, until the socks are closed. */
void routing_stop(struct coordinator *c);

#endif
