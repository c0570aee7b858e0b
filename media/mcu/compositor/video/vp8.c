//go:build codecs && cgo

#include <stdlib.h>
#include <string.h>
#include <vpx/vp8cx.h>
#include <vpx/vp8dx.h>
#include <vpx/vpx_decoder.h>
#include <vpx/vpx_encoder.h>
#include "shim.h"

void *vp8_decoder(void) {
	vpx_codec_ctx_t *c = calloc(1, sizeof *c);
	if (c == NULL) return NULL;
	vpx_codec_dec_cfg_t cfg = {.threads = 1};
	if (vpx_codec_dec_init(c, vpx_codec_vp8_dx(), &cfg, 0) != VPX_CODEC_OK) {
		free(c);
		return NULL;
	}
	return c;
}

int vp8_decode(void *opaque, const uint8_t *data, int size, decoded *out) {
	vpx_codec_ctx_t *c = opaque;
	memset(out, 0, sizeof *out);
	int rc = vpx_codec_decode(c, data, size, NULL, 0);
	if (rc != VPX_CODEC_OK) return rc;
	vpx_codec_iter_t iter = NULL;
	const vpx_image_t *img = vpx_codec_get_frame(c, &iter);
	if (img == NULL || img->fmt != VPX_IMG_FMT_I420) return 0;
	out->y = img->planes[VPX_PLANE_Y];
	out->u = img->planes[VPX_PLANE_U];
	out->v = img->planes[VPX_PLANE_V];
	out->stride_y = img->stride[VPX_PLANE_Y];
	out->stride_uv = img->stride[VPX_PLANE_U];
	out->width = img->d_w;
	out->height = img->d_h;
	return 0;
}

void vp8_decoder_free(void *opaque) {
	vpx_codec_destroy(opaque);
	free(opaque);
}

typedef struct {
	vpx_codec_ctx_t c;
	int width, height;
	int64_t last; // time of the last picture, in milliseconds
	int64_t step; // time of a picture
} encoder;

void *vp8_encoder(int width, int height, int fps, int bitrate, int speed) {
	encoder *s = calloc(1, sizeof *s);
	if (s == NULL) return NULL;
	s->width = width;
	s->height = height;
	s->step = 1000 / fps;
	s->last = -1;
	vpx_codec_enc_cfg_t cfg;
	if (vpx_codec_enc_config_default(vpx_codec_vp8_cx(), &cfg, 0) != VPX_CODEC_OK) {
		free(s);
		return NULL;
	}
	cfg.g_w = width;
	cfg.g_h = height;
	cfg.g_timebase.num = 1;
	cfg.g_timebase.den = 1000;
	cfg.g_threads = 1;
	cfg.g_lag_in_frames = 0;
	cfg.g_error_resilient = 0;
	cfg.rc_end_usage = VPX_CBR;
	cfg.rc_target_bitrate = bitrate / 1000;
	cfg.rc_min_quantizer = 4;
	cfg.rc_max_quantizer = 56;
	cfg.rc_undershoot_pct = 100;
	cfg.rc_overshoot_pct = 15;
	cfg.rc_buf_initial_sz = 500;
	cfg.rc_buf_optimal_sz = 600;
	cfg.rc_buf_sz = 1000;
	cfg.rc_dropframe_thresh = 30;
	cfg.kf_mode = VPX_KF_DISABLED; // key frames when they are asked for
	if (vpx_codec_enc_init(&s->c, vpx_codec_vp8_cx(), &cfg, 0) != VPX_CODEC_OK) {
		free(s);
		return NULL;
	}
	vpx_codec_control(&s->c, VP8E_SET_CPUUSED, speed);
	vpx_codec_control(&s->c, VP8E_SET_STATIC_THRESHOLD, 1);
	vpx_codec_control(&s->c, VP8E_SET_NOISE_SENSITIVITY, 0);
	vpx_codec_control(&s->c, VP8E_SET_TOKEN_PARTITIONS, VP8_ONE_TOKENPARTITION);
	vpx_codec_control(&s->c, VP8E_SET_MAX_INTRA_BITRATE_PCT, 600);
	return s;
}

int vp8_encode(void *opaque, const uint8_t *y, const uint8_t *u, const uint8_t *v,
		int stride_y, int stride_uv, int64_t ms, int key, encoded *out) {
	encoder *s = opaque;
	out->units = 0;
	out->key = 0;
	vpx_image_t img;
	if (vpx_img_wrap(&img, VPX_IMG_FMT_I420, s->width, s->height, 1, (unsigned char *)y) == NULL) return -1;
	img.planes[VPX_PLANE_U] = (unsigned char *)u;
	img.planes[VPX_PLANE_V] = (unsigned char *)v;
	img.stride[VPX_PLANE_Y] = stride_y;
	img.stride[VPX_PLANE_U] = img.stride[VPX_PLANE_V] = stride_uv;
	if (ms <= s->last) ms = s->last + 1;
	int64_t step = s->last < 0 ? s->step : ms - s->last;
	s->last = ms;
	int rc = vpx_codec_encode(&s->c, &img, ms, step, key ? VPX_EFLAG_FORCE_KF : 0, VPX_DL_REALTIME);
	if (rc != VPX_CODEC_OK) return rc;
	vpx_codec_iter_t iter = NULL;
	const vpx_codec_cx_pkt_t *pkt;
	while ((pkt = vpx_codec_get_cx_data(&s->c, &iter)) != NULL) {
		if (pkt->kind != VPX_CODEC_CX_FRAME_PKT || out->units != 0) continue;
		out->data[0] = pkt->data.frame.buf;
		out->size[0] = pkt->data.frame.sz;
		out->units = 1;
		out->key = (pkt->data.frame.flags & VPX_FRAME_IS_KEY) != 0;
	}
	return 0;
}

void vp8_encoder_free(void *opaque) {
	encoder *s = opaque;
	vpx_codec_destroy(&s->c);
	free(s);
}
