/**
 * Under a policy that demands Trusted Types a worker starts only from an address that was vouched for.
 * MapLibre knows nothing of that: a default policy vouches for scripts of this server and nothing else.
 */
interface Factory {
  defaultPolicy: unknown;
  createPolicy(name: string, rules: { createScriptURL: (url: string) => string }): unknown;
}

export function allowOwnScripts(): void {
  const factory = (globalThis as { trustedTypes?: Factory }).trustedTypes;
  if (!factory || factory.defaultPolicy) return;
  try {
    factory.createPolicy('default', { createScriptURL: own });
  } catch {
    // The policy of the page allows no other; where Trusted Types are not demanded nothing is missing.
  }
}

/** The address itself when it is of this origin. */
export function own(url: string): string {
  if (new URL(url, location.href).origin !== location.origin) throw new TypeError('only scripts of this server');
  return url;
}
