/* Reads and writes .npz files with libc alone: zip entries that are stored, not compressed, each
 * an array of float64 (or int64) in C order on a little-endian machine, as `cnnrun gradcheck
 * --program` hands them over. Whatever cannot be read ends the program with a message.
 *
 *     Npz in = npz_read(path);                    all arrays of a file
 *     Array *x = npz_get(&in, "x");               one of them, or NULL
 *     x->data[i], x->shape[d], x->ndim, x->size   its numbers, row after row
 *
 *     Npz out = {0};
 *     double *y = npz_add(&out, "y", 2, (long[]){3, 4});   an array of zeros
 *     npz_write(&out, path);
 *     npz_free(&out);
 */
#ifndef NPZ_H
#define NPZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NPZ_MOST = 32, NPZ_AXES = 8, NPZ_NAME = 64 };

typedef struct {
    char name[NPZ_NAME];
    int ndim;
    long shape[NPZ_AXES];
    long size;    /* the number of elements */
    double *data; /* integers are converted */
} Array;

typedef struct {
    int count;
    Array arrays[NPZ_MOST];
} Npz;

static void npz_fail(const char *what, const char *where) {
    fprintf(stderr, "%s: %s\n", where, what);
    exit(1);
}

static Array *npz_get(Npz *npz, const char *name) {
    for (int k = 0; k < npz->count; k++)
        if (strcmp(npz->arrays[k].name, name) == 0) return &npz->arrays[k];
    return NULL;
}

static double *npz_add(Npz *npz, const char *name, int ndim, const long *shape) {
    if (npz->count == NPZ_MOST || ndim > NPZ_AXES) npz_fail("too many arrays or axes", name);
    Array *array = &npz->arrays[npz->count++];
    snprintf(array->name, NPZ_NAME, "%s", name);
    array->ndim = ndim;
    array->size = 1;
    for (int d = 0; d < ndim; d++) {
        array->shape[d] = shape[d];
        array->size *= shape[d];
    }
    array->data = calloc((size_t)array->size + 1, sizeof(double));
    if (!array->data) npz_fail("no memory left", name);
    return array->data;
}

static void npz_free(Npz *npz) {
    while (npz->count > 0) free(npz->arrays[--npz->count].data);
}

/* Little-endian numbers of 2, 4 and 8 bytes, of which zip headers consist. */

static uint64_t npz_number(const unsigned char *bytes, int width) {
    uint64_t number = 0;
    for (int k = width; k-- > 0;) number = number << 8 | bytes[k];
    return number;
}

static void npz_put(FILE *file, uint32_t number, int width) {
    for (int k = 0; k < width; k++) fputc(number >> (8 * k) & 255, file);
}

/* Reading */

/* Read an entry's .npy: 10 bytes, a Python dict as text, then the numbers. */
static void npz_read_array(Npz *npz, const char *name, const unsigned char *npy, size_t length) {
    size_t start = length < 10 ? length : 10 + npz_number(npy + 8, 2);
    if (start >= length + 1 || length < 10 || memcmp(npy, "\x93NUMPY\1", 7))
        npz_fail("is no .npy array", name);
    char header[1024] = {0};
    if (start - 10 >= sizeof header) npz_fail("its header is too long", name);
    memcpy(header, npy + 10, start - 10);
    int is_integer = strstr(header, "'<i8'") != NULL;
    if (!is_integer && !strstr(header, "'<f8'")) npz_fail("is neither float64 nor int64", name);
    if (strstr(header, "'fortran_order': True")) npz_fail("is in Fortran order", name);

    int ndim = 0;
    long shape[NPZ_AXES];
    char *at = strstr(header, "'shape': (");
    if (!at) npz_fail("has no shape", name);
    for (at += strlen("'shape': ("); *at && *at != ')' && ndim < NPZ_AXES;) {
        shape[ndim++] = strtol(at, &at, 10);
        at += strspn(at, ", ");
    }
    double *data = npz_add(npz, name, ndim, shape);
    size_t size = (size_t)npz->arrays[npz->count - 1].size;
    if (length - start != 8 * size) npz_fail("is cut short", name);
    memcpy(data, npy + start, 8 * size);
    for (size_t i = 0; is_integer && i < size; i++) {
        int64_t integer;
        memcpy(&integer, &data[i], 8);
        data[i] = (double)integer;
    }
}

static Npz npz_read(const char *path) {
    Npz npz = {0};
    FILE *file = fopen(path, "rb");
    if (!file) npz_fail("cannot be opened", path);
    unsigned char header[30];
    while (fread(header, 1, 30, file) == 30 && memcmp(header, "PK\3\4", 4) == 0) {
        size_t length = npz_number(header + 18, 4);
        size_t name_length = npz_number(header + 26, 2), more = npz_number(header + 28, 2);
        char name[NPZ_NAME + 4] = {0};
        unsigned char extra[256];
        if (npz_number(header + 8, 2) != 0) npz_fail("is compressed", path);
        if (name_length < 5 || name_length >= sizeof name || more > sizeof extra)
            npz_fail("has a name too long", path);
        if (fread(name, 1, name_length, file) != name_length ||
            fread(extra, 1, more, file) != more)
            npz_fail("is cut short", path);
        if (length == 0xFFFFFFFF && more >= 12) length = npz_number(extra + 4, 8); /* zip64 */
        unsigned char *npy = malloc(length + 1);
        if (!npy || fread(npy, 1, length, file) != length) npz_fail("is cut short", path);
        name[name_length - strlen(".npy")] = 0;
        npz_read_array(&npz, name, npy, length);
        free(npy);
    }
    fclose(file);
    return npz;
}

/* Writing */

static uint32_t npz_crc(uint32_t crc, const void *data, size_t length) {
    const unsigned char *bytes = data;
    for (crc = ~crc; length--;) {
        crc ^= *bytes++;
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (0xEDB88320u & -(crc & 1));
    }
    return ~crc;
}

/* Write the 128 bytes before an array's numbers; shapes are short enough for them. */
static void npz_npy_header(char header[128], const Array *array) {
    char shape[96] = "";
    for (int d = 0; d < array->ndim; d++)
        snprintf(shape + strlen(shape), sizeof shape - strlen(shape), "%ld,", array->shape[d]);
    memcpy(header, "\x93NUMPY\1\0\x76\0", 10); /* 0x76: the 118 bytes that follow */
    memset(header + 10, ' ', 118);
    int written = snprintf(header + 10, 118, "{'descr':'<f8','fortran_order':False,'shape':(%s),}",
                           shape);
    if (written >= 117) npz_fail("has too long a shape", array->name);
    header[10 + written] = ' '; /* the zero that ended the text */
    header[127] = '\n';
}

/* What a local and a central header have in common. */
static void npz_entry(FILE *file, const Array *array, uint32_t crc, uint32_t length) {
    npz_put(file, 20, 2);     /* zip 2.0 */
    npz_put(file, 0, 4);      /* no flags; stored */
    npz_put(file, 0x210000, 4); /* 1 January 1980 */
    npz_put(file, crc, 4);
    npz_put(file, length, 4);
    npz_put(file, length, 4);
    npz_put(file, (uint32_t)strlen(array->name) + 4, 2);
    npz_put(file, 0, 2); /* nothing extra */
}

static void npz_write(const Npz *npz, const char *path) {
    FILE *file = fopen(path, "wb");
    if (!file) npz_fail("cannot be written", path);
    uint32_t crc[NPZ_MOST], place[NPZ_MOST];
    for (int k = 0; k < npz->count; k++) {
        const Array *array = &npz->arrays[k];
        size_t bytes = 8 * (size_t)array->size;
        char header[128];
        npz_npy_header(header, array);
        crc[k] = npz_crc(npz_crc(0, header, 128), array->data, bytes);
        place[k] = (uint32_t)ftell(file);
        fputs("PK\3\4", file);
        npz_entry(file, array, crc[k], (uint32_t)bytes + 128);
        fprintf(file, "%s.npy", array->name);
        fwrite(header, 1, 128, file);
        fwrite(array->data, 1, bytes, file);
    }
    uint32_t directory = (uint32_t)ftell(file);
    for (int k = 0; k < npz->count; k++) {
        const Array *array = &npz->arrays[k];
        fputs("PK\1\2", file);
        npz_put(file, 20, 2);
        npz_entry(file, array, crc[k], (uint32_t)(8 * array->size) + 128);
        npz_put(file, 0, 2); /* no comment */
        npz_put(file, 0, 4); /* on the first disk; binary */
        npz_put(file, 0, 4);
        npz_put(file, place[k], 4);
        fprintf(file, "%s.npy", array->name);
    }
    uint32_t length = (uint32_t)ftell(file) - directory;
    fputs("PK\5\6", file);
    npz_put(file, 0, 4);
    npz_put(file, (uint32_t)npz->count, 2);
    npz_put(file, (uint32_t)npz->count, 2);
    npz_put(file, length, 4);
    npz_put(file, directory, 4);
    npz_put(file, 0, 2);
    if (fclose(file)) npz_fail("cannot be written", path);
}

#endif
