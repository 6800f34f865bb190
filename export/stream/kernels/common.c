/* To a signed byte between bounds. */
SHARED int8_t clamped(int32_t value, int32_t least, int32_t most)
{
    return (int8_t)(value < least ? least : value > most ? most : value);
}
