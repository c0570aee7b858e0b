/** Hands files that exist only in this page to the person. */

export function save(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // The browser has begun to read it long before this.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

export function saveText(text: string, name: string, type: string): void {
  save(new Blob([text], { type }), name);
}

export function saveBase64(data: string, name: string, type: string): void {
  const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
  save(new Blob([bytes], { type }), name);
}
