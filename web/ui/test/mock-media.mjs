/** Pictures for the mock: stills and a live HLS stream, made by ffmpeg in a folder of its own. */
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

const sources = ['testsrc2', 'smptehdbars', 'mandelbrot', 'testsrc', 'rgbtestsrc', 'pal100bars'];
const encoders = {
  H264: ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p'],
  H265: ['-c:v', 'libx265', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-tag:v', 'hvc1', '-x265-params', 'log-level=none'],
  VP9: ['-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '8', '-pix_fmt', 'yuv420p'],
  AV1: ['-c:v', 'libsvtav1', '-preset', '12', '-pix_fmt', 'yuv420p'],
};

export async function startMedia() {
  const dir = await mkdtemp(join(tmpdir(), 'muster-mock-'));
  const stills = new Map();
  let live = null;

  return {
    /** One key frame of a codec as fragmented MP4, or null when it cannot be made. */
    async still(codec, n) {
      if (!encoders[codec]) return null;
      const key = `${codec}-${n % sources.length}`;
      if (!stills.has(key)) {
        const file = join(dir, `${key}.mp4`);
        const args = ['-v', 'error', '-f', 'lavfi', '-i', `${sources[n % sources.length]}=size=1280x720:rate=25`, '-frames:v', '1'];
        stills.set(
          key,
          run('ffmpeg', [...args, ...encoders[codec], '-movflags', 'frag_keyframe+empty_moov+default_base_moof', '-y', file])
            .then(() => readFile(file))
            .catch(() => null),
        );
      }
      return stills.get(key);
    },

    /** A file of the live HLS stream, which starts with the first question for it. */
    async hls(file) {
      if (!live) {
        live = spawn(
          'ffmpeg',
          [
            ...['-v', 'error', '-re', '-f', 'lavfi', '-i', 'testsrc2=size=1280x720:rate=25', '-f', 'lavfi', '-i', 'sine=frequency=440'],
            ...['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-g', '25', '-c:a', 'aac'],
            ...['-f', 'hls', '-hls_time', '1', '-hls_list_size', '6', '-hls_segment_type', 'fmp4', '-hls_flags', 'delete_segments'],
            ...['-master_pl_name', 'index.m3u8', join(dir, 'media.m3u8')],
          ],
          { stdio: 'ignore' },
        );
      }
      for (let tries = 0; tries < 60; tries++) {
        try {
          return await readFile(join(dir, file));
        } catch {
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
      }
      return null;
    },

    async stop() {
      if (live) {
        const gone = new Promise((resolve) => live.once('exit', resolve));
        live.kill('SIGKILL');
        await gone;
      }
      await rm(dir, { recursive: true, force: true });
    },
  };
}
