/* From 8,000 samples a second to 16,000 and back, by one half-band filter (every second tap is 0). */
#ifndef OH_HALFBAND_H
#define OH_HALFBAND_H

#include <stddef.h>
#include <stdint.h>

#define OH_HALF_TAPS 24 /* that are not 0, besides the one in the middle */
#define OH_HALF_MOST 960 /* samples at 8,000 a second that are converted at once: 120 ms */

/* The end of what was converted before; zeros to begin with. */
struct oh_halfband {
    float even[OH_HALF_TAPS], odd[OH_HALF_TAPS];
};

void oh_halfband_init(void);
/* Writes 2 * count samples. The sound comes out 1.5 ms later. */
void oh_halfband_up(struct oh_halfband *state, const int16_t *narrow, size_t count, int16_t *wide);
/* Reads 2 * count samples. The sound comes out 1.5 ms later. */
void oh_halfband_down(struct oh_halfband *state, const int16_t *wide, size_t count, int16_t *narrow);

#endif
