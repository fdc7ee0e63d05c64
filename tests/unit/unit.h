/* SPDX-License-Identifier: Apache-2.0 */
/* cmocka with the headers it wants. Include first in every unit test. */
#ifndef UNIT_UNIT_H
#define UNIT_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/defs.h"

#endif
