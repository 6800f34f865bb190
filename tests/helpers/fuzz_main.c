/* Runs a fuzzer's harness over the files that it is given, where libFuzzer is not installed. */
#include <stdint.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int count, char **arguments)
{
    static uint8_t data[1 << 16];
    for (int i = 1; i < count; ++i) {
        FILE *file = fopen(arguments[i], "rb");
        size_t size;
        if (file == NULL) {
            return 2;
        }
        size = fread(data, 1, sizeof data, file);
        fclose(file);
        fprintf(stderr, "%s\n", arguments[i]);
        LLVMFuzzerTestOneInput(data, size);
    }
    return 0;
}
