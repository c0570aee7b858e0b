/**
 * The server of rooms, inside the page that is tried: enough of docs/room-protocol.md to look at a
 * radio with floor control without a server. Given to addInitScript.
 */
export function fakeRooms() {
  const real = window.WebSocket;
  const sockets = [];
  const others = {
    lage: [
      { id: 'keller', name: 'maj.keller', user: 'maj.keller', kind: 'browser', role: 'host', muted: false, since: '2026-11-26T08:00:00Z' },
      { id: 'falke', name: 'FALKE 2', kind: 'mumble', role: 'speaker', muted: false, since: '2026-11-26T08:01:00Z' },
    ],
    nacht: [{ id: 'wache', name: 'WACHE 1', user: 'wache', kind: 'sip', role: 'speaker', muted: false, since: '2026-11-26T07:00:00Z' }],
  };

  class FakeSocket {
    static OPEN = 1;
    readyState = 0;
    seq = 0;
    room = '';
    constructor(url) {
      this.url = String(url);
      sockets.push(this);
      setTimeout(() => {
        this.readyState = 1;
        this.say({ type: 'hello', data: { key: `k${sockets.length}`, resume: 15, resumed: false, user: 'admin' } });
      }, 10);
    }
    say(m) {
      if (this.readyState === 1) this.onmessage?.({ data: JSON.stringify(m) });
    }
    emit(type, data) {
      this.say({ seq: ++this.seq, type, data });
    }
    close() {
      this.readyState = 3;
      for (const pc of this.peers ?? []) pc.close();
      setTimeout(() => this.onclose?.(), 0);
    }
    async send(text) {
      const { id, type, data } = JSON.parse(text);
      fake.requests.push({ room: this.room, type, data });
      try {
        this.say({ re: id, type: 'ok', data: await this.do(type, data) });
      } catch (e) {
        this.say({ re: id, type: 'error', data: { code: e.message, message: e.message } });
      }
      this.after?.();
      this.after = undefined;
    }
    async do(type, data) {
      switch (type) {
        case 'join': {
          this.room = data.room;
          this.me = { id: `me-${sockets.indexOf(this)}`, name: 'admin', user: 'admin', kind: 'browser', role: 'speaker', muted: true, listens: data.listen, since: new Date().toISOString() };
          this.after = () => this.emit('state', {
            self: this.me.id, waiting: false, participants: [...(others[this.room] ?? []), this.me], tracks: [], chat: [], floor: { holder: '' },
            room: { name: this.room, title: fake.titles[this.room] ?? '', groups: ['recon'], stream: `rooms/${this.room}`, lobby: false, locked: false, recording: false, layout: 'grid', floor: fake.floors[this.room] ?? 0, replay: fake.floors[this.room] ? 300 : 0 },
            speakers: { active: '', slots: ['', ''] },
          });
          return { participant: this.me.id, iceServers: [], voices: 2 };
        }
        case 'offer': {
          const pc = new RTCPeerConnection();
          (this.peers ??= []).push(pc);
          await pc.setRemoteDescription({ type: 'offer', sdp: data.sdp });
          await pc.setLocalDescription(await pc.createAnswer());
          return { sdp: pc.localDescription.sdp };
        }
        case 'talk':
          if (data.on && fake.taken) throw new Error('busy');
          this.change({ muted: !data.on });
          this.emit('floor', data.on ? { holder: this.me.id, since: new Date().toISOString(), until: new Date(Date.now() + 30_000).toISOString() } : { holder: '' });
          return;
        case 'mute':
          return this.change({ muted: data.on });
        case 'listen':
          return this.change({ listens: data.on, muted: true });
        case 'emergency':
          return this.change({ emergency: data.on });
      }
    }
    change(what) {
      Object.assign(this.me, what);
      this.emit('participant', this.me);
    }
  }

  const fake = (window.fakeRooms = {
    requests: [],
    floors: { lage: 30 },
    titles: { lage: 'Lage am Morgen', nacht: 'Nachtschicht' },
    /** Somebody else has the word. */
    taken: false,
    emit: (room, type, data) => sockets.filter((s) => s.room === room).forEach((s) => s.emit(type, data)),
  });
  window.WebSocket = new Proxy(real, {
    construct: (target, args) => (String(args[0]).includes('/notify/') ? new FakeSocket(...args) : new target(...args)),
  });
}
