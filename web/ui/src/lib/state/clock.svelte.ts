/** The present, in milliseconds since the epoch, moving once a second. */
class Clock {
  now = $state(Date.now());

  constructor() {
    const tick = () => {
      this.now = Date.now();
      setTimeout(tick, 1000 - (this.now % 1000));
    };
    tick();
  }
}

export const clock = new Clock();
