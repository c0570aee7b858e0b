/** Italiano. Le frasi danno del Lei; i pulsanti dicono cosa fanno. */
import { dateTime, percent } from '$lib/format';
import type { Route } from '$lib/state/router.svelte';
import type { Catalogue } from '..';
import { plurals, protocolName, transports } from '../words';
import { files, missions } from './files';
import { devices, enrolment, login, profiles, retention, totp } from './fleet';
import { mail } from './mail';
import { affiliations, alarm, atoms, chat, map, marks, thing } from './situation';
import { radio } from './radio';
import { rooms, roomTitle } from './rooms';

const plural = plurals('it');
const protocolOf = (name: string) => protocolName(name, 'Pagina web');

const sections = {
  people: 'Persone',
  tokens: 'Token e chiavi',
  sessions: 'Sessioni',
  devices: 'Dispositivi',
  enrolment: 'Registrazione',
  certificates: 'Certificati',
  profiles: 'Profili',
  streams: 'Flussi',
  voice: 'Canali vocali',
  retention: 'Conservazione',
  health: 'Salute',
};

function titleOf(route: Route): string {
  switch (route.page) {
    case 'login':
      return 'Accesso · Muster';
    case 'reset':
      return 'Nuova password · Muster';
    case 'map':
      return 'Mappa · Muster';
    case 'chat':
      return 'Chat · Muster';
    case 'files':
      return route.section === 'missions' ? 'Missioni · Muster' : 'File · Muster';
    case 'wall':
      return 'Video · Muster';
    case 'player':
      return `${route.name} · Muster`;
    case 'recordings':
      return 'Registrazioni · Muster';
    case 'publish':
      return 'Trasmetti · Muster';
    case 'admin':
      return `${sections[route.section]} · Muster`;
    case 'rooms':
    case 'room':
    case 'join':
      return roomTitle(route);
    case 'missing':
      return 'Non trovato · Muster';
  }
}

export const it: Catalogue = {
  titleOf,
  dateTime: (time: string | undefined) => {
    const text = dateTime(time);
    return text === '–' ? 'mai' : text;
  },
  protocol: protocolOf,
  action: (name: string) =>
    ({ publish: 'trasmette', read: 'guarda', api: 'usa la console', operate: 'opera', admin: 'amministra' })[name] ?? name,
  actions: { publish: 'Trasmettere', read: 'Guardare', api: 'Usare l’API', operate: 'Operare', admin: 'Amministrare' },
  affiliations,
  alarm,
  atoms,
  chat,
  devices,
  enrolment,
  files,
  mail,
  map,
  marks,
  missions,
  profiles,
  retention,
  radio,
  rooms,
  thing,
  totp,

  common: {
    cancel: 'Annulla',
    close: 'Chiudi',
    save: 'Salva',
    done: 'Fatto',
    edit: 'Modifica',
    remove: 'Rimuovi',
    revoke: 'Revoca',
    dismiss: 'Chiudi',
    actions: 'Azioni',
    loading: 'Caricamento…',
    tryAgain: 'Riprova',
    copied: 'Copiato',
    copyOf: (what: string) => `Copia: ${what}`,
    copyFailed: 'Il browser non ha permesso la copia. Selezioni il testo e lo copi a mano.',
    days: (n: number) => plural(n, 'giorno', 'giorni'),
  },

  errors: {
    unreachable: 'Il server non è raggiungibile. Controlli la rete; qui tutto torna da solo.',
    notUnderstood: 'Il server ha dato una risposta che questa console non capisce. Ricarichi la pagina.',
    unknown: 'Qui qualcosa è andato storto. Ricarichi la pagina e riprovi.',
    status: (status: number, retryAfter?: number): string => {
      if (status === 401) return 'La sessione è finita: acceda di nuovo.';
      if (status === 403) return 'I Suoi diritti non lo permettono.';
      if (status === 404) return 'Questo non esiste (più).';
      if (status === 409) return 'Questo esiste già o è in uso.';
      if (status === 413) return 'È più grande di quanto il server accetti.';
      if (status === 429) return retryAfter ? `Troppi tentativi. Attenda ${plural(retryAfter, 'secondo', 'secondi')}.` : 'Troppi tentativi. Attenda un momento.';
      if (status >= 500) return 'Il server non è riuscito a farlo. Il suo registro dice perché.';
      return `Il server ha rifiutato (stato ${status}).`;
    },
  },

  frame: {
    skip: 'Vai al contenuto',
    home: 'Muster, alla mappa',
    map: 'Mappa',
    chat: 'Chat',
    files: 'File',
    unread: (n: number) => plural(n, 'nuovo', 'nuovi'),
    lenses: 'Viste',
    video: 'Video',
    publish: 'Trasmetti',
    admin: 'Admin',
    groups: 'Gruppi',
    groupsShown: (shown: number, all: number) => `Gruppi mostrati: ${shown}/${all}`,
    search: 'Vai a…',
    clock: 'Ora locale e ora Zulu',
    connecting: 'Connessione…',
    noServer: 'Nessuna connessione al server',
    notLoaded: 'Questa pagina non si è potuta caricare: il server non è raggiungibile, o nel frattempo è stato aggiornato.',
    reload: 'Ricarica',
    reconnecting: (seconds: number) => `Riconnessione ${seconds} s`,
    state: { off: 'Offline', connecting: 'Connessione', live: 'In diretta', waiting: 'Riconnessione' },
    announce: {
      off: 'Offline',
      connecting: '',
      live: 'In diretta: ciò che vede è attuale.',
      waiting: 'La connessione è caduta e torna da sola. Ciò che vede può essere vecchio.',
    },
  },

  roles: { admin: 'Amministratore', operator: 'Operatore', member: 'Membro' },
  roleMeans: {
    member: 'usa ciò che i gruppi permettono',
    operator: 'vede e chiude anche le sessioni dei gruppi',
    admin: 'tutto',
  },

  menu: {
    label: (user: string) => `${user}: account e aspetto`,
    theme: 'Aspetto',
    themes: { dark: 'Scuro', light: 'Chiaro', system: 'Sistema' },
    language: 'Lingua',
    password: 'Cambia password',
    currentPassword: 'Password attuale',
    newPassword: 'Nuova password',
    passwordChanged: 'La password è cambiata.',
    logout: 'Esci',
  },

  login: {
    title: 'Accesso a Muster',
    user: 'Nome',
    password: 'Password',
    show: 'Mostra',
    hide: 'Nascondi',
    submit: 'Accedi',
    busy: 'Accesso…',
    wrong: 'Nome e password non corrispondono. Controlli entrambi; le maiuscole contano.',
    lost: 'Password persa? Un amministratore può impostarne una nuova.',
    ...login,
  },

  palette: {
    title: 'Vai a una persona, un flusso, un luogo, una stanza o una pagina',
    placeholder: 'Persona, flusso, stanza, pagina, 32T PT 81 37 o 47.27, 11.40',
    place: 'luogo',
    contact: (user: string, connected: boolean) => `${user ? `${user}, ` : ''}${connected ? 'connesso' : 'non connesso'}`,
    item: 'sulla mappa',
    room: 'stanza di chat',
    mission: 'missione',
    account: 'account',
    results: 'Dove andare',
    page: 'pagina',
    stream: (user: string) => `in diretta, da ${user}`,
    nothing: 'Nulla con questo nome.',
  },

  missing: {
    title: 'Qui non c’è nulla',
    text: 'L’indirizzo è sbagliato, o i Suoi diritti non arrivano a questa pagina.',
    back: 'Alla mappa',
  },

  wall: {
    title: 'Video',
    count: (n: number) => plural(n, 'flusso', 'flussi'),
    filter: 'Filtra per nome, persona, gruppo',
    filterShort: 'Filtra',
    tiles: 'Riquadri sullo schermo',
    auto: 'Auto',
    loading: 'Caricamento dei flussi…',
    noMatch: (text: string) => `Nessun flusso in diretta corrisponde a «${text}».`,
    allHidden: 'Ci sono flussi in diretta, ma tutti i loro gruppi sono spenti qui sopra.',
    showAll: 'Mostra tutto',
    movedTo: (name: string, position: number, all: number) => `${name} è ora al posto ${position} di ${all}.`,
  },

  tile: {
    play: (name: string) => `Riproduci ${name} in questo riquadro`,
    stop: (name: string) => `Ferma ${name} in questo riquadro`,
    move: (name: string) => `Sposta ${name}; anche con le frecce`,
    moveHow: 'Trascini per disporre; anche con le frecce',
    viewers: (n: number) => plural(n, 'spettatore', 'spettatori'),
    age: (age: string) => `in diretta da ${age}`,
  },

  still: {
    noVideo: 'Solo audio',
    none: 'In attesa del primo fotogramma chiave',
    undecodable: 'Questo browser non può mostrare questo codec come immagine',
    error: 'Nessuna immagine: il server non ha risposto',
    loading: 'Caricamento dell’immagine…',
  },

  empty: {
    title: 'Nessun flusso in diretta',
    text: 'Ogni flusso trasmesso ai Suoi gruppi appare qui appena inizia. Ne avvii uno:',
    readOnly: 'Ogni flusso trasmesso ai Suoi gruppi appare qui appena inizia.',
    here: 'Con questo dispositivo',
    hereText: 'Telecamera o schermo, direttamente da questo browser. Nulla da installare.',
    ffmpeg: 'Con ffmpeg',
    ffmpegText: 'Incolli questa riga e metta la Sua password al posto di PASSWORD. L’immagine di prova può essere qualsiasi fonte: un file, una telecamera.',
  },

  play: {
    playerOf: (name: string) => `Lettore: ${name}`,
    live: 'In diretta',
    notPlaying: 'Fermo',
    offline: 'Offline',
    stateWord: 'Stato',
    figures: 'Dati della riproduzione',
    connecting: 'Connessione…',
    ended: 'La sorgente si è fermata.',
    comesBack: 'L’immagine torna da sola quando torna il flusso.',
    cannot: 'Qui non si può riprodurre',
    elsewhere: 'Forse un altro browser può; VLC, ffplay e ATAK possono con gli indirizzi elencati qui.',
    againIn: (seconds: number) => `Prossimo tentativo tra ${seconds} s`,
    now: 'Prova ora',
    play: 'Riproduci',
    pause: 'Pausa',
    mute: 'Muto',
    unmute: 'Audio acceso',
    noAudioTrack: 'Il flusso non ha audio',
    previous: 'Flusso precedente',
    next: 'Flusso successivo',
    full: 'Schermo intero',
    leaveFull: 'Esci da schermo intero',
    noFullScreen: 'Il browser non ha permesso lo schermo intero.',
    pip: 'Picture in picture',
    noPip: 'Il browser non ha permesso il picture in picture.',
    snapshot: 'Istantanea',
    noSnapshot: 'Non c’è ancora un’immagine da catturare.',
    snapshotSaved: (file: string) => `Istantanea salvata: ${file}`,
    keys: 'Tastiera',
    keyList: [
      ['Spazio', 'pausa e ripresa in diretta'],
      ['M', 'audio acceso e spento'],
      ['F', 'schermo intero'],
      ['P', 'picture in picture'],
      ['S', 'istantanea'],
      ['← →', 'flusso precedente e successivo'],
      ['?', 'questo elenco'],
      ['Ctrl K', 'vai a una persona, flusso, luogo o pagina'],
    ],
    transport: 'Trasporto',
    transports,
    preferences: { auto: 'Automatico', webrtc: 'WebRTC', hls: 'HLS' },
    latency: 'Ritardo',
    rate: 'Bitrate',
    size: 'Immagine',
    loss: 'Perdite',
    insteadHls: (transport: 'webrtc' | 'hls', why: string) =>
      transport === 'hls' ? `Riproduce via HLS, qualche secondo in ritardo: ${why}` : `Riproduce via WebRTC: ${why}`,
    noTransport: (transport: 'webrtc' | 'hls') => `Questo browser non ha ${transports[transport]}.`,
    cannotDecode: (codec: string, transport: 'webrtc' | 'hls') => `Questo browser non può decodificare ${codec} via ${transports[transport]}.`,
    bFrames: 'La sorgente invia fotogrammi B, che WebRTC non può portare (ffmpeg: -bf 0).',
    nothingToPlay: 'Il flusso non ha né immagine né audio.',
    noSound: (codec: string, transport: 'webrtc' | 'hls') =>
      transport === 'webrtc' ? `Nessun audio: WebRTC non può portare ${codec}. Scelga HLS per sentirlo.` : `Nessun audio: questo browser non può decodificare ${codec}.`,
    noPicture: (transport: 'webrtc' | 'hls') =>
      transport === 'webrtc' ? 'Nessuna immagine via WebRTC; forse la rete blocca UDP.' : 'Nessuna immagine via HLS.',
    noAnswer: 'Il server non ha risposto in tempo.',
    iceFailed: 'Il percorso di rete di WebRTC è caduto; forse UDP è bloccato.',
    closedByServer: 'Il server ha chiuso la sessione.',
    stalled: 'Da un po’ non arrivano pacchetti.',
    closed: 'Chiuso.',
    hlsFailed: (detail: string) => `HLS si è fermato (${detail}).`,
  },

  card: {
    about: (name: string) => `Su ${name}`,
    back: 'Tutti i video',
    publisher: 'Sorgente',
    by: (protocol: string) => `via ${protocolOf(protocol)}`,
    since: 'Dal',
    tracks: 'Tracce',
    bFrames: 'con fotogrammi B',
    rate: 'Bitrate',
    total: (bytes: string) => `(${bytes} finora)`,
    viewers: 'Spettatori',
    damaged: 'Danneggiati',
    damagedUnits: (n: number) => plural(n, 'fotogramma omesso', 'fotogrammi omessi'),
    offline: 'Questo flusso non è in diretta, o i Suoi gruppi non vi arrivano.',
    end: 'Termina flusso',
    endTitle: (name: string) => `Terminare ${name}?`,
    endText: (user: string) =>
      `La connessione di ${user || 'chi trasmette'} viene chiusa e tutti gli spettatori perdono l’immagine. Chi trasmette può riconnettersi; per impedirlo, disattivi la persona o revochi la chiave.`,
    ended: (name: string) => `${name} è stato terminato.`,
  },

  recordings: {
    title: 'Registrazioni',
    of: (stream: string) => `Registrazioni di ${stream}`,
    all: 'Registrazioni di tutti i flussi',
    stream: 'Flusso',
    when: 'Inizio',
    length: 'Durata',
    size: 'Dimensione',
    from: 'Da',
    open: 'in corso',
    play: 'Riproduci',
    playing: (stream: string, time: string) => `${stream}, ${time}`,
    cannotPlay: 'Questo browser non può riprodurla; la scarichi per VLC o un altro lettore.',
    download: 'Scarica',
    remove: 'Elimina',
    removeTitle: (stream: string, time: string) => `Eliminare la registrazione di ${stream}, ${time}?`,
    removeText: 'Il file viene eliminato dal server. Non si può annullare.',
    removed: 'La registrazione è eliminata.',
    more: 'Mostra le precedenti',
    emptyTitle: 'Nulla è registrato',
    emptyText: 'Un flusso viene registrato quando lo dice la configurazione (media.paths, record: true) o quando un operatore lo avvia nella pagina del flusso.',
    start: 'Registra',
    stop: 'Ferma la registrazione',
    state: 'In registrazione',
    mark: 'REC',
    on: (name: string) => `${name} viene registrato finché non termina.`,
    off: (name: string) => `${name} non viene più registrato.`,
  },

  addresses: {
    watch: 'Guarda altrove',
    publish: 'Trasmetti da altrove',
    of: (protocol: string, app: string) => `Indirizzo ${protocolOf(protocol)} per ${app}`,
    qr: 'Codice QR',
    qrOf: (protocol: string, app: string) => `Codice QR dell’indirizzo ${protocolOf(protocol)} per ${app}`,
    qrNeedsKey: 'Un codice da scansionare deve contenere una chiave. Ne crei una qui sotto, e ogni indirizzo qui la porterà.',
    keyText: 'Per un altro dispositivo: una chiave che apre questo flusso e nient’altro, messa negli indirizzi e nei codici QR.',
    lifetime: 'Quanto vale la chiave',
    makeKey: 'Crea una chiave',
    hasKey: (day: string) => `Questi indirizzi contengono una nuova chiave, valida fino al ${day}. Chi ne ha uno può usarla; la revochi in Admin, Token e chiavi.`,
  },

  publish: {
    title: 'Trasmetti da questo dispositivo',
    fromHere: 'Trasmetti da questo dispositivo',
    preview: 'Anteprima',
    noPreview: 'L’anteprima appare quando la telecamera o lo schermo è acceso.',
    soundOnly: 'Solo audio: non c’è immagine da mostrare.',
    show: 'Accendi',
    flip: 'Altra telecamera',
    name: 'Nome del flusso',
    nameHint: 'Lettere, cifre e . _ - ~, parti unite da /',
    taken: (user: string) => `Un flusso con questo nome è in diretta, da ${user}.`,
    source: 'Cosa inviare',
    sources: { camera: 'Camera', screen: 'Schermo', none: 'Audio' },
    camera: 'Telecamera',
    automatic: 'Automatico',
    microphone: 'Con microfono',
    whichMicrophone: 'Microfono',
    height: 'Immagine',
    bitrate: 'Al massimo',
    codec: 'Codec',
    codecHint: 'H264 si vede ovunque. VP8 dove il dispositivo non può produrre H264.',
    codecWord: 'Codec',
    start: 'Inizia a trasmettere',
    stop: 'Smetti di trasmettere',
    watchIt: 'Guarda come gli altri',
    off: 'Non trasmette',
    live: 'È in diretta',
    starting: 'Connessione…',
    interrupted: 'Interrotto',
    endedByServer: 'Il flusso è stato terminato sul server, da un operatore o perché i Suoi diritti sono cambiati.',
    time: 'Da',
    up: 'Invio',
    rtt: 'Andata e ritorno',
    uplink: (loss: number, limit: 'none' | 'cpu' | 'bandwidth' | 'other'): string => {
      const drops = loss >= 0.005 ? `La Sua linea in uscita perde il ${percent(loss)} dei pacchetti` : '';
      if (limit === 'bandwidth') return drops ? `${drops}; l’immagine è stata ridotta.` : 'La Sua linea in uscita è piena; l’immagine è stata ridotta.';
      if (limit === 'cpu') return `${drops ? `${drops}. ` : ''}Questo dispositivo è troppo occupato per l’immagine intera; è stata ridotta.`;
      return drops ? `${drops}.` : 'La linea in uscita è pulita.';
    },
    denied: 'Il browser non ha avuto il permesso di usare telecamera, microfono o schermo. Lo consenta a sinistra della barra degli indirizzi e riprovi.',
    noDevice: 'Qui non c’è questa telecamera o questo microfono. Ne colleghi uno o ne scelga un altro.',
    busy: 'Un altro programma usa la telecamera o il microfono. Lo chiuda e riprovi.',
    insecure: 'I browser danno telecamera e microfono solo a pagine aperte via HTTPS. Apra questo server con https://.',
  },

  nameFaults: {
    empty: 'Un flusso ha bisogno di un nome.',
    long: 'Il nome supera 160 caratteri.',
    deep: 'Il nome ha più di otto parti.',
    slash: 'Una barra sta tra due parti, non in fondo e non doppia.',
    dot: 'Nessuna parte può iniziare con un punto.',
    characters: 'Sono ammessi solo lettere, cifre e . _ - ~, e / tra le parti.',
  },

  admin: {
    sections,
    filter: 'Filtra',
    noMatch: 'Nulla corrisponde al filtro.',
  },

  people: {
    add: 'Aggiungi persona',
    person: 'Persona',
    name: 'Nome di accesso',
    nameHint: 'Non si può cambiare dopo.',
    fullName: 'Nome completo',
    password: 'Password',
    passwordHint: 'Proposta a caso. Non verrà più mostrata: la copi ora.',
    role: 'Ruolo',
    lastLogin: 'Ultimo accesso',
    disabled: 'Disattivato',
    disable: 'Disattivato',
    disableText: 'Ogni sessione di questa persona viene chiusa entro un secondo, su ogni protocollo.',
    notYourself: 'Non può togliersi i propri diritti.',
    keepPassword: 'Lasci vuoto per tenere quella attuale.',
    in: 'IN',
    out: 'OUT',
    inMeans: 'Può trasmettere al gruppo',
    outMeans: 'Riceve ciò che il gruppo contiene',
    explain: 'IN: può trasmettere al gruppo. OUT: riceve ciò che il gruppo contiene. Gli amministratori vedono ogni flusso.',
    rights: (user: string, group: string) => `Diritti di ${user} in ${group}`,
    editTitle: (user: string) => `Modifica ${user}`,
    added: (user: string) => `${user} ora può accedere.`,
    saved: (user: string) => `${user} è salvato.`,
    removeTitle: (user: string) => `Rimuovere ${user}?`,
    removeText: 'L’account, i suoi token, chiavi e certificati smettono subito di valere e ogni sessione aperta viene chiusa. Non si può annullare; la disattivazione sì.',
    removed: (user: string) => `${user} è rimosso.`,
  },

  groups: {
    name: 'Nuovo gruppo',
    description: 'A cosa serve',
    add: 'Aggiungi gruppo',
    members: (n: number) => plural(n, 'membro', 'membri'),
    added: (group: string) => `Il gruppo ${group} è aggiunto.`,
    removeTitle: (group: string) => `Rimuovere il gruppo ${group}?`,
    removeText: (members: number) =>
      `${plural(members, 'membro perde', 'membri perdono')} ciò che questo gruppo dava. I flussi che sono solo di questo gruppo li vedono poi solo gli amministratori.`,
    removed: (group: string) => `Il gruppo ${group} è rimosso.`,
  },

  tokens: {
    add: 'Nuovo token o chiave',
    name: 'Nome',
    nameHint: 'A cosa serve: drone 2, OBS in studio',
    kind: 'Tipo',
    kinds: { token: 'Token', streamkey: 'Chiave di flusso' },
    kindMeans: {
      streamkey: 'Va in un indirizzo o nel campo chiave di OBS. Apre i flussi indicati sotto e nient’altro.',
      token: 'Per gli script: va nell’intestazione Authorization.',
    },
    user: 'Persona',
    forUser: 'Per (vuoto: Lei)',
    scope: 'Può',
    mayDo: 'Può',
    streams: 'Flussi',
    everyStream: 'ogni flusso',
    everything: 'Tutto ciò che la persona può',
    never: 'Fino a revoca',
    streamsHint: {
      streamkey: 'Nomi o modelli come uas/north/*; più d’uno con una virgola.',
      token: 'Nomi o modelli come uas/north/*; più d’uno con una virgola. Vuoto: ogni flusso che la persona raggiunge.',
    },
    lifetime: 'Valido per',
    expires: 'Fino al',
    expired: 'Scaduto',
    lastUsed: 'Ultimo uso',
    make: 'Crea',
    needsAction: 'Scelga almeno una cosa che può fare.',
    madeTitle: (name: string) => `${name} è pronto`,
    once: 'Questo viene mostrato una volta e non è conservato leggibile da nessuna parte. Lo copi o lo scansioni ora.',
    secret: 'Il segreto',
    kept: 'Ce l’ho',
    emptyTitle: 'Nessun token e nessuna chiave',
    emptyText: 'Una chiave di flusso permette a un drone, a OBS o a una telecamera di trasmettere senza password; un token permette a uno script di usare l’API. Entrambi si possono limitare, scadono e si possono revocare.',
    revokeTitle: (name: string) => `Revocare ${name}?`,
    revokeText: 'Ciò che lo usa viene disconnesso entro un secondo e non può tornare con esso.',
    revoked: (name: string) => `${name} è revocato.`,
  },

  sessions: {
    who: 'Chi',
    does: 'Fa',
    stream: 'Flusso',
    by: 'Via',
    from: 'Da dove',
    since: 'Da',
    nobody: 'anonimo',
    certificate: 'con certificato',
    token: 'con token',
    none: 'Nulla è aperto.',
    failures: 'Accessi falliti',
    failure: (user: string, remote: string, protocol: string) => `${user || 'qualcuno'} da ${remote || 'qualche parte'}${protocol ? ` via ${protocol.toUpperCase()}` : ''}`,
    end: 'Chiudi',
    endTitle: (user: string) => `Chiudere questa sessione di ${user || 'anonimo'}?`,
    endText: 'La connessione viene chiusa subito. La persona può riconnettersi; per impedirlo, la disattivi o revochi il token.',
    ended: (user: string) => `La sessione di ${user || 'anonimo'} è stata chiusa.`,
  },

  certificates: {
    issue: 'Emetti certificato',
    ca: 'Certificato CA',
    device: 'Dispositivo',
    deviceHint: 'tablet 7, mezzo radio',
    state: 'Stato',
    valid: 'Valido',
    revoked: 'Revocato',
    issued: 'Emesso',
    fingerprint: 'Impronta',
    emptyTitle: 'Nessun certificato',
    emptyText: 'Un certificato fa entrare un dispositivo senza password: ATAK, WinTAK, un browser sulla porta 8443. Si emette qui e si può revocare in ogni momento.',
    password: 'Password dei file',
    passwordHint: 'Chiesta quando il file viene aperto sul dispositivo.',
    madeTitle: (name: string) => `Certificato per ${name}`,
    once: 'La chiave privata è nel primo file e in nessun altro posto. Salvi i file ora.',
    p12: 'Certificato e chiave (.p12)',
    truststore: 'Archivio di fiducia per ATAK (.p12)',
    revokeTitle: (name: string) => `Revocare il certificato di ${name}?`,
    revokeText: (user: string) => `Il dispositivo di ${user} viene disconnesso entro un secondo e non può tornare con esso. Non si può annullare.`,
    wasRevoked: (name: string) => `Il certificato di ${name} è revocato.`,
  },

  streams: {
    name: 'Flusso',
    inOut: 'Entra / esce',
    faults: 'Danni / salti',
    faultsMean: 'Fotogrammi omessi perché danneggiati, e volte in cui uno spettatore era troppo lento ed è saltato avanti',
    none: 'Nessun flusso in diretta.',
  },

  health: {
    allWell: 'Tutto funziona',
    sick: (n: number) => plural(n, 'cosa richiede attenzione', 'cose richiedono attenzione'),
    doors: 'Accessi',
    parts: 'Parti',
    server: 'Server',
    open: 'Aperto',
    closed: 'Chiuso',
    well: 'A posto',
    ill: 'Guasto',
    fix: 'Rimedio',
    name: 'Nome',
    version: 'Versione',
    hostNames: 'Nomi host',
    ca: 'Impronta CA',
    backup: 'Scarica un backup',
  },
};
