/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Telling the one who started us that we are ready: a newline on the
 * descriptor that HEARTH_READY_FD names (a supervisor sets it), once.
 */
#ifndef PROC_READY_H
#define PROC_READY_H

/* A no-op when nobody asked. */
void ready_tell(void);

#endif
