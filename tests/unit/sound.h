/* SPDX-License-Identifier: ISC */
#ifndef SNUG_TESTS_UNIT_SOUND_H
#define SNUG_TESTS_UNIT_SOUND_H

#include "base/text.h"

/* Sanitises raw and fails the test where the result is not what client/safe.h
 * promises of any text. */
void assert_sound(const char *id, struct span raw, unsigned flags);

#endif
