//go:build codecs && cgo

#include <stdlib.h>
#include <string.h>
#include <wels/codec_api.h>
#include "shim.h"

void *h264_decoder(void) {
	ISVCDecoder *d = NULL;
	if (WelsCreateDecoder(&d) != 0) return NULL;
	int quiet = WELS_LOG_QUIET;
	(*d)->SetOption(d, DECODER_OPTION_TRACE_LEVEL, &quiet);
	SDecodingParam p;
	memset(&p, 0, sizeof p);
	p.uiTargetDqLayer = 255;
	// A picture that cannot be whole is not shown: the last one stays.
	p.eEcActiveIdc = ERROR_CON_DISABLE;
	p.sVideoProperty.eVideoBsType = VIDEO_BITSTREAM_AVC;
	if ((*d)->Initialize(d, &p) != 0) {
		WelsDestroyDecoder(d);
		return NULL;
	}
	return d;
}

int h264_decode(void *decoder, const uint8_t *data, int size, decoded *out) {
	ISVCDecoder *d = decoder;
	unsigned char *planes[3] = {NULL, NULL, NULL};
	SBufferInfo info;
	memset(&info, 0, sizeof info);
	memset(out, 0, sizeof *out);
	int rc = (*d)->DecodeFrameNoDelay(d, data, size, planes, &info);
	if (info.iBufferStatus == 1 && planes[0] != NULL) {
		out->y = planes[0];
		out->u = planes[1];
		out->v = planes[2];
		out->stride_y = info.UsrData.sSystemBuffer.iStride[0];
		out->stride_uv = info.UsrData.sSystemBuffer.iStride[1];
		out->width = info.UsrData.sSystemBuffer.iWidth;
		out->height = info.UsrData.sSystemBuffer.iHeight;
	}
	return rc & ~dsFramePending;
}

void h264_decoder_free(void *decoder) {
	ISVCDecoder *d = decoder;
	(*d)->Uninitialize(d);
	WelsDestroyDecoder(d);
}

typedef struct {
	ISVCEncoder *e;
	SFrameBSInfo bits;
	int width, height;
} encoder;

void *h264_encoder(int width, int height, int fps, int bitrate, int max_unit) {
	encoder *s = calloc(1, sizeof *s);
	if (s == NULL) return NULL;
	if (WelsCreateSVCEncoder(&s->e) != 0) {
		free(s);
		return NULL;
	}
	s->width = width;
	s->height = height;
	ISVCEncoder *e = s->e;
	int quiet = WELS_LOG_QUIET;
	(*e)->SetOption(e, ENCODER_OPTION_TRACE_LEVEL, &quiet);
	SEncParamExt p;
	(*e)->GetDefaultParams(e, &p);
	p.iUsageType = CAMERA_VIDEO_REAL_TIME;
	p.iPicWidth = width;
	p.iPicHeight = height;
	p.fMaxFrameRate = fps;
	p.iTargetBitrate = bitrate;
	p.iMaxBitrate = bitrate * 3 / 2;
	p.iRCMode = RC_BITRATE_MODE;
	p.bEnableFrameSkip = 1;
	p.iComplexityMode = LOW_COMPLEXITY;
	p.uiIntraPeriod = 0; // key frames when they are asked for
	p.iNumRefFrame = 1;
	p.eSpsPpsIdStrategy = CONSTANT_ID;
	p.iMultipleThreadIdc = 1;
	p.bEnableDenoise = 0;
	p.bEnableBackgroundDetection = 1;
	p.bEnableAdaptiveQuant = 0;
	p.bEnableSceneChangeDetect = 0;
	p.iEntropyCodingModeFlag = 0; // the constrained baseline, which all phones decode
	p.sSpatialLayers[0].uiProfileIdc = PRO_BASELINE;
	p.sSpatialLayers[0].iVideoWidth = width;
	p.sSpatialLayers[0].iVideoHeight = height;
	p.sSpatialLayers[0].fFrameRate = fps;
	p.sSpatialLayers[0].iSpatialBitrate = bitrate;
	p.sSpatialLayers[0].iMaxSpatialBitrate = p.iMaxBitrate;
	// What is not said is guessed from the size, and differently by each player.
	p.sSpatialLayers[0].bVideoSignalTypePresent = 1;
	p.sSpatialLayers[0].uiVideoFormat = VF_UNDEF;
	p.sSpatialLayers[0].bFullRange = 0;
	p.sSpatialLayers[0].bColorDescriptionPresent = 1;
	p.sSpatialLayers[0].uiColorPrimaries = CP_SMPTE170M;
	p.sSpatialLayers[0].uiTransferCharacteristics = TRC_SMPTE170M;
	p.sSpatialLayers[0].uiColorMatrix = CM_SMPTE170M;
	p.sSpatialLayers[0].sSliceArgument.uiSliceMode = SM_SINGLE_SLICE;
	if (max_unit > 0) {
		p.uiMaxNalSize = max_unit;
		p.sSpatialLayers[0].sSliceArgument.uiSliceMode = SM_SIZELIMITED_SLICE;
		p.sSpatialLayers[0].sSliceArgument.uiSliceSizeConstraint = max_unit;
	}
	int format = videoFormatI420;
	if ((*e)->InitializeExt(e, &p) != 0) {
		WelsDestroySVCEncoder(e);
		free(s);
		return NULL;
	}
	(*e)->SetOption(e, ENCODER_OPTION_DATAFORMAT, &format);
	return s;
}

int h264_encode(void *opaque, const uint8_t *y, const uint8_t *u, const uint8_t *v,
		int stride_y, int stride_uv, int64_t ms, int key, encoded *out) {
	encoder *s = opaque;
	out->units = 0;
	out->key = 0;
	if (key && (*s->e)->ForceIntraFrame(s->e, 1) != 0) return -1;
	SSourcePicture pic;
	memset(&pic, 0, sizeof pic);
	pic.iPicWidth = s->width;
	pic.iPicHeight = s->height;
	pic.iColorFormat = videoFormatI420;
	pic.iStride[0] = stride_y;
	pic.iStride[1] = pic.iStride[2] = stride_uv;
	pic.pData[0] = (unsigned char *)y;
	pic.pData[1] = (unsigned char *)u;
	pic.pData[2] = (unsigned char *)v;
	pic.uiTimeStamp = ms;
	memset(&s->bits, 0, sizeof s->bits);
	int rc = (*s->e)->EncodeFrame(s->e, &pic, &s->bits);
	if (rc != 0) return rc;
	if (s->bits.eFrameType == videoFrameTypeSkip) return 0;
	out->key = s->bits.eFrameType == videoFrameTypeIDR;
	for (int i = 0; i < s->bits.iLayerNum; i++) {
		const SLayerBSInfo *l = &s->bits.sLayerInfo[i];
		const uint8_t *at = l->pBsBuf;
		for (int n = 0; n < l->iNalCount; n++) {
			if (out->units == max_units) return -1;
			out->data[out->units] = at;
			out->size[out->units++] = l->pNalLengthInByte[n];
			at += l->pNalLengthInByte[n];
		}
	}
	return 0;
}

int h264_set_fps(void *opaque, int fps) {
	encoder *s = opaque;
	float rate = fps;
	return (*s->e)->SetOption(s->e, ENCODER_OPTION_FRAME_RATE, &rate);
}

void h264_encoder_free(void *opaque) {
	encoder *s = opaque;
	(*s->e)->Uninitialize(s->e);
	WelsDestroySVCEncoder(s->e);
	free(s);
}
