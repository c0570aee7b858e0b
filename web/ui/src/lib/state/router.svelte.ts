/** Which page is shown. The address bar is the truth; go() changes both. */

export const adminSections = [
  'people',
  'devices',
  'enrolment',
  'certificates',
  'profiles',
  'sessions',
  'tokens',
  'streams',
  'voice',
  'retention',
  'health',
] as const;
export type AdminSection = (typeof adminSections)[number];

export type Route =
  | { page: 'login' }
  | { page: 'reset' }
  | { page: 'map' }
  | { page: 'chat'; room: string }
  | { page: 'files'; section: 'packages' | 'missions'; guid: string }
  | { page: 'wall' }
  | { page: 'rooms' }
  | { page: 'room'; name: string }
  | { page: 'join' }
  | { page: 'player'; name: string }
  | { page: 'publish' }
  | { page: 'recordings' }
  | { page: 'admin'; section: AdminSection }
  | { page: 'missing' };

/** Where one is without having chosen. */
export const home = '/map';

/** The page a path stands for. */
export function parse(path: string): Route {
  const parts = path.split('/').filter((part) => part !== '');
  switch (parts[0]) {
    case undefined:
    case 'map':
      return parts.length <= 1 ? { page: 'map' } : { page: 'missing' };
    case 'chat':
      return parts.length <= 2 ? { page: 'chat', room: decode(parts[1] ?? '') } : { page: 'missing' };
    case 'files': {
      const section = parts[1] ?? 'packages';
      if (section === 'packages' && parts.length <= 2) return { page: 'files', section, guid: '' };
      return section === 'missions' && parts.length <= 3 ? { page: 'files', section, guid: decode(parts[2] ?? '') } : { page: 'missing' };
    }
    case 'rooms':
      if (parts.length <= 1) return { page: 'rooms' };
      return parts.length === 2 ? { page: 'room', name: decode(parts[1] ?? '') } : { page: 'missing' };
    case 'join':
      return parts.length === 1 ? { page: 'join' } : { page: 'missing' };
    case 'reset':
      return parts.length === 1 ? { page: 'reset' } : { page: 'missing' };
    case 'login':
      return parts.length === 1 ? { page: 'login' } : { page: 'missing' };
    case 'publish':
      return parts.length === 1 ? { page: 'publish' } : { page: 'missing' };
    case 'recordings':
      return parts.length === 1 ? { page: 'recordings' } : { page: 'missing' };
    case 'video':
      return parts.length === 1 ? { page: 'wall' } : { page: 'player', name: decode(parts.slice(1).join('/')) };
    case 'admin': {
      const section = adminSections.find((s) => s === (parts[1] ?? adminSections[0]));
      return section && parts.length <= 2 ? { page: 'admin', section } : { page: 'missing' };
    }
  }
  return { page: 'missing' };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Where one wanted to go before login: only ever a path of this console. */
export function safeReturn(next: string | null): string {
  if (!next || !next.startsWith('/') || next.startsWith('//') || next.includes('\\')) return home;
  const route = parse(next.split(/[?#]/)[0] ?? '');
  return route.page === 'login' || route.page === 'reset' || route.page === 'join' || route.page === 'missing' ? home : next;
}

class Router {
  path = $state(typeof location === 'undefined' ? '/' : location.pathname);
  search = $state(typeof location === 'undefined' ? '' : location.search);
  route = $derived(parse(this.path));

  constructor() {
    if (typeof window === 'undefined') return;
    window.addEventListener('popstate', () => this.#read());
    document.addEventListener('click', (event) => this.#click(event));
  }

  go(to: string, replace = false): void {
    if (replace) history.replaceState(null, '', to);
    else history.pushState(null, '', to);
    this.#read();
    window.scrollTo(0, 0);
  }

  #read(): void {
    this.path = location.pathname;
    this.search = location.search;
  }

  /** Plain clicks on links of the console change the page without loading it anew. */
  #click(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element | null)?.closest?.('a');
    if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
    if (parse(link.pathname).page === 'missing') return;
    event.preventDefault();
    const to = link.pathname + link.search;
    if (to !== location.pathname + location.search) this.go(to);
  }
}

export const router = new Router();
