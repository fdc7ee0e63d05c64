/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files: private folders, whole files read with a limit and written so that
 * they are either the old or the new one, and lock files. The errors are
 * sentences for people.
 */
#ifndef BASE_FSX_H
#define BASE_FSX_H

#include "base/buf.h"
#include "base/err.h"

/* Makes the folder and those above it, mode 0700; fine if they exist. */
int fsx_mkdirs(const char *path, struct err *err) MUST_CHECK;
/* Temporary file beside it, fsync, rename, fsync of the folder. */
int fsx_write(const char *path, struct str bytes, unsigned mode,
    struct err *err) MUST_CHECK;
/* Appends the file's bytes; ERR_TOO_BIG beyond what the buffer may hold,
 * ERR_NOT_FOUND when there is none. */
int fsx_read(const char *path, struct buf *b, struct err *err) MUST_CHECK;
/* An exclusive lock that ends with the process (flock). The file holds our
 * process id. Returns the descriptor, which the caller keeps open, or -1:
 * ERR_CONFLICT when another process has it. */
int fsx_lock(const char *path, struct err *err) MUST_CHECK;

#endif
