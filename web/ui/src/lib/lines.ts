/** Lines to paste. Pure. */
import type { Address, Door } from '$lib/api/types';

/** Port of a host:port or [v6]:port, or '' when there is none. */
export function portOf(address: string): string {
  return /:(\d+)$/.exec(address)?.[1] ?? '';
}

/** An IPv6 address needs brackets in a URL. */
export function hostInUrl(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}

/** The ffmpeg line that publishes a test picture to this server. Never holds a real password. */
export function publishLine(host: string, user: string, doors: Door[]): string {
  const door = doors.find((d) => d.name.toLowerCase() === 'rtsp' && d.network === 'tcp' && !d.error);
  const port = (door && portOf(door.address)) || '8554';
  const where = `rtsp://${encodeURIComponent(user)}:PASSWORD@${hostInUrl(host)}:${port}/test`;
  return `ffmpeg -re -f lavfi -i testsrc2=size=1280x720:rate=30 -c:v libx264 -preset veryfast -tune zerolatency -pix_fmt yuv420p -g 60 -f rtsp -rtsp_transport tcp ${where}`;
}

/** One address and every program that takes it. */
export interface GroupedAddress {
  protocol: string;
  url: string;
  apps: { app: string; label: string }[];
}

/** Puts together what differs only in the program, in the order of first appearance. */
export function grouped(list: Address[]): GroupedAddress[] {
  const byUrl = new Map<string, GroupedAddress>();
  for (const { protocol, url, app, label } of list) {
    const known = byUrl.get(url);
    if (known) known.apps.push({ app, label });
    else byUrl.set(url, { protocol, url, apps: [{ app, label }] });
  }
  return [...byUrl.values()];
}
