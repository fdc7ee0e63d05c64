/* SPDX-License-Identifier: Apache-2.0 */
/* The coordinator's settings as values with a meaning. */
#ifndef CMD_SERVER_CONF_H
#define CMD_SERVER_CONF_H

#include "core/config.h"
#include "core/place.h"

/* Where to listen ("127.0.0.1:8080"; lives as long as the config) and by which
 * policy to assign. -1 with ERR_INVALID for values that mean nothing. */
int server_conf_read(struct config *c, const char **listen,
    enum place_policy *policy, struct err *err) MUST_CHECK;

#endif
