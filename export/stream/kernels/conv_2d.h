/* CONV_2D, one output row: what all its kernels are told.
 *
 * Weights lie column by column of the window, as the kernels gather it: a column holds kernel_h pixels of in_channels,
 * and is filled up with zeros to a multiple of 4 bytes, so that kernels may take words. Words of two output channels
 * take turns, so that kernels that work on two need one pointer; a last odd channel has zeros beside it. */

struct conv_2d {
    const int8_t *weights; /* [phases][out_channels / 2][kernel_w * column_bytes / 4][2][4] */
    const int32_t *bias;   /* [phases][out_channels], less in_zero_point times the channel's weights */
    const int32_t *multiplier;
    const int8_t *shift;
    int32_t out_zero_point, least, most;
    const int16_t *part_channels; /* the input's planes, side by side */
    int16_t parts;
    int16_t in_width, in_channels;
    int16_t in_zero_point;
    int16_t out_width, out_channels;
    int16_t kernel_h, kernel_w, stride, dilation, pad_left;
    int16_t column_bytes; /* kernel_h * in_channels, rounded up to 4 */
    int16_t phases;       /* output row y takes the weights of phase y % phases; 1 but for transposed convolutions */
    int16_t tame;         /* no sum reaches 2^30, and every shift is -1 to -20: requantize_tame may be used */
    int16_t whole_words;  /* each part's channels are a multiple of 4 */
    int16_t strip;        /* pixels whose windows are gathered together, even */
};
