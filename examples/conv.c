/* A convolution with its backward pass, to be checked from outside:
 *
 *     cc -O2 -o conv examples/conv.c
 *     cnnrun gradcheck --program './conv {input} {output}' --input x=2x3x5x5 --input w=2x3x3x3 \
 *         --input b=2 --constant stride=2 --constant pad=1
 *
 * x (N, C, H, W), w (F, C, K, K), b (F) give y (N, F, P, Q); every array has one axis more in front,
 * the points at which the function is asked for. Compiled with -DMISTAKE=1, 2 or 3 the backward is
 * wrong in a way that is often seen.
 */
#include "npz.h"

#ifndef MISTAKE
#define MISTAKE 0 /* 1: w turned by 180 degrees; 2: the stride ignored in dx; 3: db a mean */
#endif

typedef struct {
    long N, C, H, W, F, K, P, Q, stride, pad;
} Sizes;

/* Where output (p, q) and filter value (i, j) meet the image; -1 in the padding. */
static long pixel(const Sizes *s, long p, long q, long i, long j, long stride) {
    long row = p * stride + i - s->pad, column = q * stride + j - s->pad;
    int is_inside = row >= 0 && row < s->H && column >= 0 && column < s->W;
    return is_inside ? row * s->W + column : -1;
}

/* y[n, f, p, q] = b[f] + sum over c, i, j of x[n, c, p s + i - pad, q s + j - pad] w[f, c, i, j] */
static void forward(const Sizes *s, const double *x, const double *w, const double *b, double *y) {
    for (long n = 0; n < s->N; n++)
    for (long f = 0; f < s->F; f++)
    for (long p = 0; p < s->P; p++)
    for (long q = 0; q < s->Q; q++) {
        double sum = b[f];
        for (long c = 0; c < s->C; c++)
        for (long i = 0; i < s->K; i++)
        for (long j = 0; j < s->K; j++) {
            long at = pixel(s, p, q, i, j, s->stride);
            if (at >= 0)
                sum += x[(n * s->C + c) * s->H * s->W + at] *
                       w[((f * s->C + c) * s->K + i) * s->K + j];
        }
        *y++ = sum;
    }
}

/* Each error dy[n, f, p, q] goes back to all that its output was made of. */
static void backward(const Sizes *s, const double *x, const double *w, const double *dy,
                     double *dx, double *dw, double *db) {
    for (long n = 0; n < s->N; n++)
    for (long f = 0; f < s->F; f++)
    for (long p = 0; p < s->P; p++)
    for (long q = 0; q < s->Q; q++) {
        double error = *dy++;
        db[f] += MISTAKE == 3 ? error / (double)(s->N * s->P * s->Q) : error;
        for (long c = 0; c < s->C; c++)
        for (long i = 0; i < s->K; i++)
        for (long j = 0; j < s->K; j++) {
            long image = (n * s->C + c) * s->H * s->W;
            long filter = (f * s->C + c) * s->K * s->K;
            long value = i * s->K + j, turned = s->K * s->K - 1 - value;
            long at = pixel(s, p, q, i, j, s->stride);
            long to = pixel(s, p, q, i, j, MISTAKE == 2 ? 1 : s->stride);
            if (at >= 0) dw[filter + value] += error * x[image + at];
            if (to >= 0) dx[image + to] += error * w[filter + (MISTAKE == 1 ? turned : value)];
        }
    }
}

static Array *needed(Npz *npz, const char *name, int ndim) {
    Array *array = npz_get(npz, name);
    if (!array) npz_fail("is missing", name);
    if (array->ndim != ndim) npz_fail("has another number of axes than expected", name);
    return array;
}

int main(int count, char **words) {
    if (count != 3) npz_fail("expected INPUT OUTPUT", words[0]);
    Npz in = npz_read(words[1]), out = {0};
    const Array *x = needed(&in, "x", 5), *w = needed(&in, "w", 5), *b = needed(&in, "b", 2);
    const Array *dy = npz_get(&in, "dy"); /* only where gradients are asked for */

    Sizes s = {x->shape[1], x->shape[2], x->shape[3], x->shape[4], w->shape[1], w->shape[3], 0, 0,
               (long)needed(&in, "stride", 0)->data[0], (long)needed(&in, "pad", 0)->data[0]};
    s.P = (s.H + 2 * s.pad - s.K) / s.stride + 1;
    s.Q = (s.W + 2 * s.pad - s.K) / s.stride + 1;

    long points = x->shape[0], of_x = x->size / points, of_w = w->size / points;
    long of_y = s.N * s.F * s.P * s.Q;
    if (!dy) {
        double *y = npz_add(&out, "y", 5, (long[]){points, s.N, s.F, s.P, s.Q});
        for (long k = 0; k < points; k++)
            forward(&s, x->data + k * of_x, w->data + k * of_w, b->data + k * s.F, y + k * of_y);
    } else {
        double *dx = npz_add(&out, "dx", 5, x->shape);
        double *dw = npz_add(&out, "dw", 5, w->shape);
        double *db = npz_add(&out, "db", 2, b->shape);
        for (long k = 0; k < points; k++)
            backward(&s, x->data + k * of_x, w->data + k * of_w, dy->data + k * of_y,
                     dx + k * of_x, dw + k * of_w, db + k * s.F);
    }
    npz_write(&out, words[2]);
    npz_free(&in);
    npz_free(&out);
    return 0;
}
