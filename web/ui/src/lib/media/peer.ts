/**
 * One WHIP or WHEP session (RFC 9725, draft-ietf-wish-whep): an offer is posted, an answer comes
 * back, candidates trickle behind it, and closing deletes it on the server. The cookie of the
 * console is the credential.
 */
import { problemOf } from '$lib/api/client';
import { credentials, fragment, iceServers, type OfferCredentials } from './sdp';

/** How long the server may take to answer an offer (ms). */
const answerTimeout = 10_000;

/** How long the path may be interrupted before the session counts as lost (ms). */
const patience = 5_000;

/** Candidates found within this time travel in one request (ms). */
const trickleDelay = 30;

export class MediaPeer {
  readonly pc: RTCPeerConnection;
  /** The server's answer, once connect has returned. */
  answer = '';
  /** May change the answer before it is applied. */
  tuneAnswer: (sdp: string) => string = (sdp) => sdp;
  /** Called once when the media path is open. */
  onConnected: () => void = () => {};
  /** Called once when the session is lost, by the network or because the server ended it. */
  onLost: (cause: 'network' | 'server') => void = () => {};
  #patience: ReturnType<typeof setTimeout> | undefined;
  #endpoint: string;
  #resource: string | null = null;
  #etag = '';
  #offer: OfferCredentials | null = null;
  #candidates: string[] = [];
  #done = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #sending = Promise.resolve();
  #closed = false;

  constructor(endpoint: string) {
    this.#endpoint = endpoint;
    this.pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
    this.pc.onicecandidate = (event) => {
      if (event.candidate?.candidate) this.#candidates.push(event.candidate.candidate);
      else if (event.candidate === null) this.#done = true;
      this.#flushSoon();
    };
    this.pc.onconnectionstatechange = () => this.#moved();
  }

  #moved(): void {
    clearTimeout(this.#patience);
    switch (this.pc.connectionState) {
      case 'connected':
        this.#watchTransport();
        this.onConnected();
        break;
      case 'disconnected':
        this.#patience = setTimeout(() => this.#lose('network'), patience);
        break;
      case 'failed':
        this.#lose('network');
        break;
      case 'closed':
        this.#lose('server');
    }
  }

  /** A server that ends a session says so on the DTLS layer, long before packets are missed. */
  #watchTransport(): void {
    const transport = (this.pc.getReceivers()[0] ?? this.pc.getSenders()[0])?.transport;
    if (!transport) return;
    transport.onstatechange = () => {
      if (transport.state === 'closed' || transport.state === 'failed') this.#lose('server');
    };
  }

  #lose(cause: 'network' | 'server'): void {
    if (this.#closed) return;
    const lost = this.onLost;
    this.onLost = () => {};
    lost(cause);
  }

  /** Posts the offer and applies the answer. Rejects with an ApiError when the server refuses. */
  async connect(): Promise<void> {
    const offer = await this.pc.createOffer();
    const response = await fetch(this.#endpoint, {
      method: 'POST',
      credentials: 'same-origin',
      headers: { 'Content-Type': 'application/sdp' },
      body: offer.sdp,
      signal: AbortSignal.timeout(answerTimeout),
    });
    if (!response.ok) throw await problemOf(response);
    const location = response.headers.get('Location');
    this.#resource = location ? new URL(location, new URL(this.#endpoint, document.baseURI)).href : null;
    this.#etag = response.headers.get('ETag') ?? '';
    const answer = await response.text();
    if (this.#closed) {
      this.#remove();
      return;
    }
    // The servers to ask for relays are known only now, so gathering starts only now.
    const servers = iceServers(response.headers.get('Link'));
    if (servers.length > 0) this.pc.setConfiguration({ ...this.pc.getConfiguration(), iceServers: servers });
    this.#offer = credentials(offer.sdp ?? '');
    this.answer = answer;
    await this.pc.setLocalDescription(offer);
    await this.pc.setRemoteDescription({ type: 'answer', sdp: this.tuneAnswer(answer) });
  }

  /** Ends the session here and on the server. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#patience);
    this.pc.onicecandidate = null;
    this.pc.onconnectionstatechange = null;
    this.pc.close();
    this.#remove();
  }

  #remove(): void {
    if (!this.#resource) return;
    const resource = this.#resource;
    this.#resource = null;
    // keepalive: the farewell also leaves when the page is being closed.
    void fetch(resource, { method: 'DELETE', credentials: 'same-origin', keepalive: true }).catch(() => undefined);
  }

  #flushSoon(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#sending = this.#sending.then(() => this.#flush());
    }, trickleDelay);
  }

  async #flush(): Promise<void> {
    if (this.#closed || !this.#resource || !this.#offer) return;
    if (this.#candidates.length === 0 && !this.#done) return;
    const body = fragment(this.#offer, this.#candidates.splice(0), this.#done);
    this.#done = false;
    try {
      await fetch(this.#resource, {
        method: 'PATCH',
        credentials: 'same-origin',
        headers: {
          'Content-Type': 'application/trickle-ice-sdpfrag',
          ...(this.#etag ? { 'If-Match': this.#etag } : {}),
        },
        body,
      });
    } catch {
      // The checks we send already tell the server where we are.
    }
  }
}
