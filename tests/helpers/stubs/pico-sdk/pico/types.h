/* Types that the Pico SDK's headers share. */
#pragma once
typedef unsigned int uint;
