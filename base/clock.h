/* SPDX-License-Identifier: ISC */
#ifndef SNUG_BASE_CLOCK_H
#define SNUG_BASE_CLOCK_H

#include <stdint.h>

/* Monotonic, for durations and deadlines; wall, for ids and display only.
 * Read once per event and passed in; pure code never calls these. */
uint64_t clock_now_ms(void);
uint64_t clock_now_us(void);
uint64_t clock_wall_ms(void);
/* A few milliseconds behind at most, for a tenth of the cost. */
uint64_t clock_wall_coarse_ms(void);

#endif
