/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's harness for tests of its own, with a limit for each that is for what hangs, not
 * for what is slow on a machine that has others to serve.
 */
#ifndef UNIT_HARNESS_H
#define UNIT_HARNESS_H

#include "kselftest_harness.h"

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 600	/* s */

#endif
