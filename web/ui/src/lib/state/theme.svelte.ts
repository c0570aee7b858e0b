import { recall, remember } from './prefs';

export type ThemeChoice = 'system' | 'dark' | 'light';

/** Dark, light, or what the system says. public/theme.js applies it before the first paint. */
class Theme {
  choice = $state<ThemeChoice>(recall<ThemeChoice>('theme', 'dark'));

  set(choice: ThemeChoice): void {
    this.choice = choice;
    remember('theme', choice);
    if (choice === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = choice;
  }
}

export const theme = new Theme();
