/** Sends a file and tells how far it is, which fetch cannot. */
import { t } from '$lib/strings';
import { ApiError } from './client';
import type { Package } from './situation';

export interface UploadOptions {
  name: string;
  groups: string[];
  tool: 'public' | 'private';
  /** 0 is for ever. */
  days: number;
}

export interface Upload {
  done: Promise<Package>;
  /** Ends it; done then rejects with an AbortError. */
  cancel: () => void;
}

export function packagePath(o: UploadOptions): string {
  const query = new URLSearchParams([['name', o.name], ...o.groups.map((g) => ['group', g]), ['tool', o.tool]] as [string, string][]);
  if (o.days > 0) query.set('days', String(o.days));
  return `/api/v1/packages?${query}`;
}

/** onProgress is told of the bytes that have left. */
export function upload(file: Blob, path: string, onProgress: (sent: number, all: number) => void): Upload {
  const request = new XMLHttpRequest();
  const done = new Promise<Package>((resolve, reject) => {
    request.open('POST', path);
    request.responseType = 'text';
    request.setRequestHeader('Accept', 'application/json');
    request.setRequestHeader('Content-Type', file.type || 'application/octet-stream');
    request.upload.onprogress = (event) => onProgress(event.loaded, event.total);
    request.onerror = () => reject(new ApiError(0, t.errors.unreachable));
    request.onabort = () => reject(new DOMException('', 'AbortError'));
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) {
        try {
          resolve(JSON.parse(request.responseText) as Package);
        } catch {
          reject(new ApiError(request.status, t.errors.notUnderstood));
        }
        return;
      }
      reject(new ApiError(request.status, detailOf(request.responseText) || t.errors.status(request.status)));
    };
    request.send(file);
  });
  return { done, cancel: () => request.abort() };
}

/** The sentence in a problem document, or ''. */
function detailOf(text: string): string {
  try {
    const body = JSON.parse(text) as { detail?: unknown; title?: unknown };
    return String(body.detail || body.title || '');
  } catch {
    return '';
  }
}
