// What Go calls: each function takes plain values, so that no structure of the
// libraries is laid out twice.
#ifndef MUSTER_VIDEO_SHIM_H
#define MUSTER_VIDEO_SHIM_H

#include <stdint.h>

// A picture of a decoder, valid until it decodes again.
typedef struct {
	const uint8_t *y, *u, *v;
	int stride_y, stride_uv;
	int width, height; // 0: there is none
} decoded;

// What an encoder made of a picture: NAL units with their start codes, or one
// VP8 frame. Valid until it encodes again.
enum { max_units = 1024 };
typedef struct {
	const uint8_t *data[max_units];
	int size[max_units];
	int units; // 0: the encoder skipped the picture
	int key;
} encoded;

void *h264_decoder(void);
int h264_decode(void *d, const uint8_t *data, int size, decoded *out);
void h264_decoder_free(void *d);

void *vp8_decoder(void);
int vp8_decode(void *d, const uint8_t *data, int size, decoded *out);
void vp8_decoder_free(void *d);

void *h264_encoder(int width, int height, int fps, int bitrate, int max_unit);
int h264_encode(void *e, const uint8_t *y, const uint8_t *u, const uint8_t *v,
	int stride_y, int stride_uv, int64_t ms, int key, encoded *out);
int h264_set_fps(void *e, int fps);
void h264_encoder_free(void *e);

void *vp8_encoder(int width, int height, int fps, int bitrate, int speed);
int vp8_encode(void *e, const uint8_t *y, const uint8_t *u, const uint8_t *v,
	int stride_y, int stride_uv, int64_t ms, int key, encoded *out);
void vp8_encoder_free(void *e);

#endif
