/** What is put onto media elements. */
import type { Attachment } from 'svelte/attachments';

/** Plays a stream in an element. */
export const mediaStream =
  (stream: MediaStream): Attachment<HTMLMediaElement> =>
  (node) => {
    node.srcObject = stream;
    return () => {
      node.srcObject = null;
    };
  };

/** Buttons that were clicked by hand let the focus go, so that the space bar stays the key to talk. */
export function letGo(event: MouseEvent): void {
  if (event.detail > 0) (event.target as Element | null)?.closest<HTMLElement>('button')?.blur();
}
