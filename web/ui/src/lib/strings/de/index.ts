/** Deutsch. Veröffentlichen heißt hier senden: So sagen es die Teams, und es passt auf einen Knopf. */
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

const plural = plurals('de');
const protocolOf = (name: string) => protocolName(name, 'Webseite');

const sections = {
  people: 'Personen',
  tokens: 'Token & Schlüssel',
  sessions: 'Sitzungen',
  devices: 'Geräte',
  enrolment: 'Registrierung',
  certificates: 'Zertifikate',
  profiles: 'Profile',
  streams: 'Streams',
  voice: 'Sprachkanäle',
  retention: 'Aufbewahrung',
  health: 'Zustand',
};

function titleOf(route: Route): string {
  switch (route.page) {
    case 'login':
      return 'Anmelden · Muster';
    case 'reset':
      return 'Neues Passwort · Muster';
    case 'map':
      return 'Karte · Muster';
    case 'chat':
      return 'Chat · Muster';
    case 'files':
      return route.section === 'missions' ? 'Missionen · Muster' : 'Dateien · Muster';
    case 'wall':
      return 'Video · Muster';
    case 'player':
      return `${route.name} · Muster`;
    case 'recordings':
      return 'Aufnahmen · Muster';
    case 'publish':
      return 'Senden · Muster';
    case 'admin':
      return `${sections[route.section]} · Muster`;
    case 'rooms':
    case 'room':
    case 'join':
      return roomTitle(route);
    case 'missing':
      return 'Nicht gefunden · Muster';
  }
}

export const de: Catalogue = {
  titleOf,
  dateTime: (time: string | undefined) => {
    const text = dateTime(time);
    return text === '–' ? 'nie' : text;
  },
  protocol: protocolOf,
  action: (name: string) =>
    ({ publish: 'sendet', read: 'sieht zu', api: 'nutzt die Konsole', operate: 'bedient', admin: 'verwaltet' })[name] ?? name,
  actions: { publish: 'Senden', read: 'Ansehen', api: 'API nutzen', operate: 'Bedienen', admin: 'Verwalten' },
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
    cancel: 'Abbrechen',
    close: 'Schließen',
    save: 'Speichern',
    done: 'Fertig',
    edit: 'Bearbeiten',
    remove: 'Entfernen',
    revoke: 'Widerrufen',
    dismiss: 'Schließen',
    actions: 'Aktionen',
    loading: 'Lädt…',
    tryAgain: 'Erneut versuchen',
    copied: 'Kopiert',
    copyOf: (what: string) => `Kopieren: ${what}`,
    copyFailed: 'Der Browser hat das Kopieren nicht erlaubt. Markieren Sie den Text und kopieren Sie ihn von Hand.',
    days: (n: number) => plural(n, 'Tag', 'Tage'),
  },

  errors: {
    unreachable: 'Der Server ist nicht erreichbar. Prüfen Sie das Netz; hier kommt alles von selbst wieder.',
    notUnderstood: 'Der Server hat etwas geantwortet, das diese Konsole nicht versteht. Laden Sie die Seite neu.',
    unknown: 'Hier ist etwas schiefgegangen. Laden Sie die Seite neu und versuchen Sie es noch einmal.',
    status: (status: number, retryAfter?: number): string => {
      if (status === 401) return 'Sie sind nicht mehr angemeldet.';
      if (status === 403) return 'Ihre Rechte erlauben das nicht.';
      if (status === 404) return 'Das gibt es nicht (mehr).';
      if (status === 409) return 'Das gibt es schon oder es wird benutzt.';
      if (status === 413) return 'Das ist größer, als der Server annimmt.';
      if (status === 429) return retryAfter ? `Zu viele Versuche. Warten Sie ${plural(retryAfter, 'Sekunde', 'Sekunden')}.` : 'Zu viele Versuche. Warten Sie einen Moment.';
      if (status >= 500) return 'Der Server konnte das nicht tun. Sein Log sagt, warum.';
      return `Der Server hat das abgelehnt (Status ${status}).`;
    },
  },

  frame: {
    skip: 'Zum Inhalt springen',
    home: 'Muster, zur Karte',
    map: 'Karte',
    chat: 'Chat',
    files: 'Dateien',
    unread: (n: number) => `${n} neu`,
    lenses: 'Ansichten',
    video: 'Video',
    publish: 'Senden',
    admin: 'Admin',
    groups: 'Gruppen',
    groupsShown: (shown: number, all: number) => `Gruppen gezeigt: ${shown}/${all}`,
    search: 'Gehe zu…',
    clock: 'Ortszeit und Zulu-Zeit',
    connecting: 'Verbindet…',
    noServer: 'Keine Verbindung zum Server',
    notLoaded: 'Diese Seite konnte nicht geladen werden: Der Server ist nicht erreichbar oder wurde inzwischen aktualisiert.',
    reload: 'Neu laden',
    reconnecting: (seconds: number) => `Verbindet in ${seconds} s`,
    state: { off: 'Offline', connecting: 'Verbindet', live: 'Live', waiting: 'Verbindet neu' },
    announce: {
      off: 'Offline',
      connecting: '',
      live: 'Live: Was Sie sehen, ist aktuell.',
      waiting: 'Die Verbindung ist unterbrochen und kommt von selbst wieder. Was Sie sehen, kann alt sein.',
    },
  },

  roles: { admin: 'Administrator', operator: 'Operator', member: 'Mitglied' },
  roleMeans: {
    member: 'nutzt, was die Gruppen erlauben',
    operator: 'sieht und beendet auch Sitzungen der Gruppen',
    admin: 'alles',
  },

  menu: {
    label: (user: string) => `${user}: Konto und Darstellung`,
    theme: 'Darstellung',
    themes: { dark: 'Dunkel', light: 'Hell', system: 'System' },
    language: 'Sprache',
    password: 'Passwort ändern',
    currentPassword: 'Bisheriges Passwort',
    newPassword: 'Neues Passwort',
    passwordChanged: 'Das Passwort ist geändert.',
    logout: 'Abmelden',
  },

  login: {
    title: 'Bei Muster anmelden',
    user: 'Name',
    password: 'Passwort',
    show: 'Zeigen',
    hide: 'Verbergen',
    submit: 'Anmelden',
    busy: 'Meldet an…',
    wrong: 'Name und Passwort passen nicht zusammen. Prüfen Sie beides; Großbuchstaben zählen.',
    lost: 'Passwort verloren? Ein Administrator kann ein neues setzen.',
    ...login,
  },

  palette: {
    title: 'Zu Person, Stream, Ort, Raum oder Seite gehen',
    placeholder: 'Person, Stream, Raum, Seite, 32T PT 81 37 oder 47.27, 11.40',
    place: 'Ort',
    contact: (user: string, connected: boolean) => `${user ? `${user}, ` : ''}${connected ? 'verbunden' : 'nicht verbunden'}`,
    item: 'auf der Karte',
    room: 'Chatraum',
    mission: 'Mission',
    account: 'Konto',
    results: 'Ziele',
    page: 'Seite',
    stream: (user: string) => `live, von ${user}`,
    nothing: 'Nichts mit diesem Namen.',
  },

  missing: {
    title: 'Hier ist nichts',
    text: 'Die Adresse ist falsch, oder Ihre Rechte reichen nicht für diese Seite.',
    back: 'Zur Karte',
  },

  wall: {
    title: 'Video',
    count: (n: number) => plural(n, 'Stream', 'Streams'),
    filter: 'Nach Name, Person, Gruppe filtern',
    filterShort: 'Filter',
    tiles: 'Kacheln auf dem Schirm',
    auto: 'Auto',
    loading: 'Streams werden geladen…',
    noMatch: (text: string) => `Kein Live-Stream passt zu „${text}“.`,
    allHidden: 'Es gibt Live-Streams, aber alle ihre Gruppen sind oben ausgeschaltet.',
    showAll: 'Alle zeigen',
    movedTo: (name: string, position: number, all: number) => `${name} ist jetzt an Platz ${position} von ${all}.`,
  },

  tile: {
    play: (name: string) => `${name} in dieser Kachel abspielen`,
    stop: (name: string) => `${name} in dieser Kachel anhalten`,
    move: (name: string) => `${name} verschieben; auch mit Pfeiltasten`,
    moveHow: 'Zum Anordnen ziehen; auch mit Pfeiltasten',
    viewers: (n: number) => `${n} sehen zu`,
    age: (age: string) => `live seit ${age}`,
  },

  still: {
    noVideo: 'Nur Ton',
    none: 'Wartet auf das erste Schlüsselbild',
    undecodable: 'Dieser Browser kann diesen Codec nicht als Standbild zeigen',
    error: 'Kein Bild: Der Server hat nicht geantwortet',
    loading: 'Bild wird geladen…',
  },

  empty: {
    title: 'Kein Stream ist live',
    text: 'Jeder Stream, den jemand an Ihre Gruppen sendet, erscheint hier, sobald er beginnt. Starten Sie einen:',
    readOnly: 'Jeder Stream, den jemand an Ihre Gruppen sendet, erscheint hier, sobald er beginnt.',
    here: 'Mit diesem Gerät',
    hereText: 'Kamera oder Bildschirm, direkt aus diesem Browser. Nichts zu installieren.',
    ffmpeg: 'Mit ffmpeg',
    ffmpegText: 'Fügen Sie diese Zeile ein und ersetzen Sie PASSWORD durch Ihr Passwort. Statt des Testbilds geht jede Quelle: eine Datei, eine Kamera.',
  },

  play: {
    playerOf: (name: string) => `Player: ${name}`,
    live: 'Live',
    notPlaying: 'Spielt nicht',
    offline: 'Offline',
    stateWord: 'Zustand',
    figures: 'Werte der Wiedergabe',
    connecting: 'Verbindet…',
    ended: 'Der Sender hat aufgehört.',
    comesBack: 'Das Bild kommt von selbst wieder, wenn der Stream es tut.',
    cannot: 'Das kann hier nicht abgespielt werden',
    elsewhere: 'Ein anderer Browser kann es vielleicht; VLC, ffplay und ATAK können es mit den Adressen hier.',
    againIn: (seconds: number) => `Nächster Versuch in ${seconds} s`,
    now: 'Jetzt versuchen',
    play: 'Abspielen',
    pause: 'Pause',
    mute: 'Stumm',
    unmute: 'Ton an',
    noAudioTrack: 'Der Stream hat keinen Ton',
    previous: 'Voriger Stream',
    next: 'Nächster Stream',
    full: 'Vollbild',
    leaveFull: 'Vollbild verlassen',
    noFullScreen: 'Der Browser hat Vollbild nicht erlaubt.',
    pip: 'Bild im Bild',
    noPip: 'Der Browser hat Bild im Bild nicht erlaubt.',
    snapshot: 'Schnappschuss',
    noSnapshot: 'Es gibt noch kein Bild zum Aufnehmen.',
    snapshotSaved: (file: string) => `Schnappschuss gespeichert: ${file}`,
    keys: 'Tastatur',
    keyList: [
      ['Leertaste', 'anhalten und live weiter'],
      ['M', 'Ton an und aus'],
      ['F', 'Vollbild'],
      ['P', 'Bild im Bild'],
      ['S', 'Schnappschuss'],
      ['← →', 'voriger und nächster Stream'],
      ['?', 'diese Liste'],
      ['Strg K', 'zu Person, Stream, Ort oder Seite gehen'],
    ],
    transport: 'Übertragung',
    transports,
    preferences: { auto: 'Automatisch', webrtc: 'WebRTC', hls: 'HLS' },
    latency: 'Verzögerung',
    rate: 'Rate',
    size: 'Bild',
    loss: 'Verlust',
    insteadHls: (transport: 'webrtc' | 'hls', why: string) =>
      transport === 'hls' ? `Spielt über HLS, einige Sekunden verzögert: ${why}` : `Spielt über WebRTC: ${why}`,
    noTransport: (transport: 'webrtc' | 'hls') => `Dieser Browser hat kein ${transports[transport]}.`,
    cannotDecode: (codec: string, transport: 'webrtc' | 'hls') => `Dieser Browser kann ${codec} über ${transports[transport]} nicht dekodieren.`,
    bFrames: 'Der Sender schickt B-Frames, die WebRTC nicht übertragen kann (ffmpeg: -bf 0).',
    nothingToPlay: 'Der Stream hat weder Bild noch Ton.',
    noSound: (codec: string, transport: 'webrtc' | 'hls') =>
      transport === 'webrtc' ? `Kein Ton: WebRTC kann ${codec} nicht übertragen. Wählen Sie HLS, um ihn zu hören.` : `Kein Ton: Dieser Browser kann ${codec} nicht dekodieren.`,
    noPicture: (transport: 'webrtc' | 'hls') =>
      transport === 'webrtc' ? 'Über WebRTC kam kein Bild; vielleicht sperrt das Netz UDP.' : 'Über HLS kam kein Bild.',
    noAnswer: 'Der Server hat nicht rechtzeitig geantwortet.',
    iceFailed: 'Der Netzweg für WebRTC ist abgerissen; vielleicht ist UDP gesperrt.',
    closedByServer: 'Der Server hat die Sitzung beendet.',
    stalled: 'Eine Weile kamen keine Pakete.',
    closed: 'Geschlossen.',
    hlsFailed: (detail: string) => `HLS hat angehalten (${detail}).`,
  },

  card: {
    about: (name: string) => `Über ${name}`,
    back: 'Alle Videos',
    publisher: 'Sender',
    by: (protocol: string) => `über ${protocolOf(protocol)}`,
    since: 'Seit',
    tracks: 'Spuren',
    bFrames: 'mit B-Frames',
    rate: 'Rate',
    total: (bytes: string) => `(bisher ${bytes})`,
    viewers: 'Zuschauer',
    damaged: 'Beschädigt',
    damagedUnits: (n: number) => `${plural(n, 'Bild', 'Bilder')} ausgelassen`,
    offline: 'Dieser Stream ist nicht live, oder Ihre Gruppen erreichen ihn nicht.',
    end: 'Stream beenden',
    endTitle: (name: string) => `${name} beenden?`,
    endText: (user: string) =>
      `Die Verbindung von ${user || 'dem Sender'} wird geschlossen, und alle Zuschauer verlieren das Bild. Der Sender kann sich wieder verbinden; um das zu verhindern, sperren Sie die Person oder widerrufen Sie den Schlüssel.`,
    ended: (name: string) => `${name} wurde beendet.`,
  },

  recordings: {
    title: 'Aufnahmen',
    of: (stream: string) => `Aufnahmen von ${stream}`,
    all: 'Aufnahmen aller Streams',
    stream: 'Stream',
    when: 'Beginn',
    length: 'Länge',
    size: 'Größe',
    from: 'Von',
    open: 'läuft',
    play: 'Abspielen',
    playing: (stream: string, time: string) => `${stream}, ${time}`,
    cannotPlay: 'Dieser Browser kann sie nicht abspielen; laden Sie sie für VLC oder einen anderen Player herunter.',
    download: 'Herunterladen',
    remove: 'Löschen',
    removeTitle: (stream: string, time: string) => `Aufnahme von ${stream}, ${time}, löschen?`,
    removeText: 'Die Datei wird vom Server gelöscht. Das lässt sich nicht rückgängig machen.',
    removed: 'Die Aufnahme ist gelöscht.',
    more: 'Ältere zeigen',
    emptyTitle: 'Nichts ist aufgenommen',
    emptyText: 'Ein Stream wird aufgenommen, wenn die Konfiguration es so will (media.paths, record: true) oder ein Operator es auf der Seite des Streams einschaltet.',
    start: 'Aufnehmen',
    stop: 'Aufnahme beenden',
    state: 'Aufnahme läuft',
    mark: 'REC',
    on: (name: string) => `${name} wird aufgenommen, bis der Stream endet.`,
    off: (name: string) => `${name} wird nicht mehr aufgenommen.`,
  },

  addresses: {
    watch: 'Anderswo ansehen',
    publish: 'Von anderswo senden',
    of: (protocol: string, app: string) => `${protocolOf(protocol)}-Adresse für ${app}`,
    qr: 'QR-Code',
    qrOf: (protocol: string, app: string) => `QR-Code der ${protocolOf(protocol)}-Adresse für ${app}`,
    qrNeedsKey: 'Ein Code zum Scannen braucht einen Schlüssel. Erstellen Sie unten einen, dann steht er in jeder Adresse hier.',
    keyText: 'Für ein anderes Gerät: ein Schlüssel, der nur diesen Stream öffnet; er kommt in die Adressen und QR-Codes.',
    lifetime: 'Wie lange der Schlüssel gilt',
    makeKey: 'Schlüssel erstellen',
    hasKey: (day: string) => `Diese Adressen enthalten einen neuen Schlüssel, gültig bis ${day}. Wer eine hat, kann ihn nutzen; widerrufen Sie ihn unter Admin, Token & Schlüssel.`,
  },

  publish: {
    title: 'Von diesem Gerät senden',
    fromHere: 'Von diesem Gerät senden',
    preview: 'Vorschau',
    noPreview: 'Die Vorschau erscheint, wenn Kamera oder Bildschirm an ist.',
    soundOnly: 'Nur Ton: Es gibt kein Bild zu zeigen.',
    show: 'Einschalten',
    flip: 'Andere Kamera',
    name: 'Name des Streams',
    nameHint: 'Buchstaben, Ziffern und . _ - ~, Teile durch / verbunden',
    taken: (user: string) => `Ein Stream dieses Namens ist live, von ${user}.`,
    source: 'Was gesendet wird',
    sources: { camera: 'Kamera', screen: 'Schirm', none: 'Ton' },
    camera: 'Kamera',
    automatic: 'Automatisch',
    microphone: 'Mit Mikrofon',
    whichMicrophone: 'Mikrofon',
    height: 'Bild',
    bitrate: 'Höchstens',
    codec: 'Codec',
    codecHint: 'H264 läuft überall. VP8, wo das Gerät kein H264 erzeugen kann.',
    codecWord: 'Codec',
    start: 'Senden starten',
    stop: 'Senden beenden',
    watchIt: 'Sehen, was andere sehen',
    off: 'Sendet nicht',
    live: 'Sie sind live',
    starting: 'Verbindet…',
    interrupted: 'Unterbrochen',
    endedByServer: 'Der Stream wurde auf dem Server beendet, von einem Operator oder weil sich Ihre Rechte geändert haben.',
    time: 'Seit',
    up: 'Upload',
    rtt: 'Umlaufzeit',
    uplink: (loss: number, limit: 'none' | 'cpu' | 'bandwidth' | 'other'): string => {
      const drops = loss >= 0.005 ? `Ihr Uplink verliert ${percent(loss)} der Pakete` : '';
      if (limit === 'bandwidth') return drops ? `${drops}; das Bild wurde verkleinert.` : 'Ihr Uplink ist voll; das Bild wurde passend verkleinert.';
      if (limit === 'cpu') return `${drops ? `${drops}. ` : ''}Dieses Gerät ist für das volle Bild zu ausgelastet; es wurde verkleinert.`;
      return drops ? `${drops}.` : 'Der Uplink ist sauber.';
    },
    denied: 'Der Browser durfte Kamera, Mikrofon oder Bildschirm nicht benutzen. Erlauben Sie es links in der Adresszeile und versuchen Sie es noch einmal.',
    noDevice: 'Diese Kamera oder dieses Mikrofon gibt es hier nicht. Schließen Sie eines an oder wählen Sie ein anderes.',
    busy: 'Ein anderes Programm benutzt Kamera oder Mikrofon. Schließen Sie es und versuchen Sie es noch einmal.',
    insecure: 'Browser geben Kamera und Mikrofon nur für Seiten über HTTPS frei. Öffnen Sie diesen Server mit https://.',
  },

  nameFaults: {
    empty: 'Ein Stream braucht einen Namen.',
    long: 'Der Name ist länger als 160 Zeichen.',
    deep: 'Der Name hat mehr als acht Teile.',
    slash: 'Ein Schrägstrich steht zwischen zwei Teilen, nicht am Rand und nicht doppelt.',
    dot: 'Kein Teil darf mit einem Punkt beginnen.',
    characters: 'Erlaubt sind nur Buchstaben, Ziffern und . _ - ~, und / zwischen den Teilen.',
  },

  admin: {
    sections,
    filter: 'Filter',
    noMatch: 'Nichts passt zum Filter.',
  },

  people: {
    add: 'Person hinzufügen',
    person: 'Person',
    name: 'Anmeldename',
    nameHint: 'Lässt sich später nicht ändern.',
    fullName: 'Voller Name',
    password: 'Passwort',
    passwordHint: 'Zufälliger Vorschlag. Es wird nicht wieder gezeigt: Kopieren Sie es jetzt.',
    role: 'Rolle',
    lastLogin: 'Letzte Anmeldung',
    disabled: 'Gesperrt',
    disable: 'Gesperrt',
    disableText: 'Jede Sitzung dieser Person wird binnen einer Sekunde geschlossen, auf jedem Protokoll.',
    notYourself: 'Sie können sich nicht selbst die Rechte nehmen.',
    keepPassword: 'Leer lassen, um das bisherige zu behalten.',
    in: 'IN',
    out: 'OUT',
    inMeans: 'Darf an die Gruppe senden',
    outMeans: 'Empfängt, was die Gruppe hat',
    explain: 'IN: darf an die Gruppe senden. OUT: empfängt, was die Gruppe hat. Administratoren sehen jeden Stream.',
    rights: (user: string, group: string) => `Rechte von ${user} in ${group}`,
    editTitle: (user: string) => `${user} bearbeiten`,
    added: (user: string) => `${user} kann sich jetzt anmelden.`,
    saved: (user: string) => `${user} ist gespeichert.`,
    removeTitle: (user: string) => `${user} entfernen?`,
    removeText: 'Konto, Token, Schlüssel und Zertifikate gelten sofort nicht mehr, und jede offene Sitzung wird geschlossen. Das lässt sich nicht rückgängig machen; Sperren schon.',
    removed: (user: string) => `${user} ist entfernt.`,
  },

  groups: {
    name: 'Neue Gruppe',
    description: 'Wofür sie ist',
    add: 'Gruppe hinzufügen',
    members: (n: number) => plural(n, 'Mitglied', 'Mitglieder'),
    added: (group: string) => `Gruppe ${group} ist hinzugefügt.`,
    removeTitle: (group: string) => `Gruppe ${group} entfernen?`,
    removeText: (members: number) =>
      `${plural(members, 'Mitglied verliert', 'Mitglieder verlieren')}, was diese Gruppe gab. Streams, die nur zu dieser Gruppe gehören, sehen dann nur noch Administratoren.`,
    removed: (group: string) => `Gruppe ${group} ist entfernt.`,
  },

  tokens: {
    add: 'Token oder Schlüssel',
    name: 'Name',
    nameHint: 'Wofür: Drohne 2, OBS im Studio',
    kind: 'Art',
    kinds: { token: 'Token', streamkey: 'Stream-Schlüssel' },
    kindMeans: {
      streamkey: 'Kommt in eine Adresse oder in das Schlüsselfeld von OBS. Öffnet nur die unten genannten Streams.',
      token: 'Für Skripte: kommt in den Authorization-Header.',
    },
    user: 'Person',
    forUser: 'Für (leer: Sie selbst)',
    scope: 'Darf',
    mayDo: 'Darf',
    streams: 'Streams',
    everyStream: 'jeder Stream',
    everything: 'Alles, was die Person darf',
    never: 'Bis zum Widerruf',
    streamsHint: {
      streamkey: 'Namen oder Muster wie uas/north/*; mehrere mit Komma.',
      token: 'Namen oder Muster wie uas/north/*; mehrere mit Komma. Leer: jeder Stream, den die Person erreicht.',
    },
    lifetime: 'Gültig für',
    expires: 'Bis',
    expired: 'Abgelaufen',
    lastUsed: 'Zuletzt benutzt',
    make: 'Erstellen',
    needsAction: 'Wählen Sie mindestens eines, das er darf.',
    madeTitle: (name: string) => `${name} ist bereit`,
    once: 'Das wird einmal gezeigt und nirgends lesbar aufbewahrt. Kopieren oder scannen Sie es jetzt.',
    secret: 'Das Geheimnis',
    kept: 'Ich habe es',
    emptyTitle: 'Keine Token und keine Schlüssel',
    emptyText: 'Mit einem Stream-Schlüssel sendet eine Drohne, OBS oder eine Kamera ohne Passwort; mit einem Token nutzt ein Skript die API. Beide lassen sich begrenzen, laufen ab und können widerrufen werden.',
    revokeTitle: (name: string) => `${name} widerrufen?`,
    revokeText: 'Was ihn benutzt, wird binnen einer Sekunde getrennt und kommt damit nicht wieder herein.',
    revoked: (name: string) => `${name} ist widerrufen.`,
  },

  sessions: {
    who: 'Wer',
    does: 'Tut',
    stream: 'Stream',
    by: 'Über',
    from: 'Von',
    since: 'Seit',
    nobody: 'anonym',
    certificate: 'mit Zertifikat',
    token: 'mit Token',
    none: 'Nichts ist offen.',
    failures: 'Gescheiterte Anmeldungen',
    failure: (user: string, remote: string, protocol: string) => `${user || 'jemand'} von ${remote || 'irgendwo'}${protocol ? ` über ${protocol.toUpperCase()}` : ''}`,
    end: 'Beenden',
    endTitle: (user: string) => `Diese Sitzung von ${user || 'anonym'} beenden?`,
    endText: 'Die Verbindung wird sofort geschlossen. Die Person kann sich wieder verbinden; um das zu verhindern, sperren Sie die Person oder widerrufen Sie das Token.',
    ended: (user: string) => `Die Sitzung von ${user || 'anonym'} wurde beendet.`,
  },

  certificates: {
    issue: 'Zertifikat ausstellen',
    ca: 'CA-Zertifikat',
    device: 'Gerät',
    deviceHint: 'Tablet 7, Funkwagen',
    state: 'Zustand',
    valid: 'Gültig',
    revoked: 'Widerrufen',
    issued: 'Ausgestellt',
    fingerprint: 'Fingerabdruck',
    emptyTitle: 'Keine Zertifikate',
    emptyText: 'Ein Zertifikat lässt ein Gerät ohne Passwort herein: ATAK, WinTAK, einen Browser an Port 8443. Es wird hier ausgestellt und kann jederzeit widerrufen werden.',
    password: 'Passwort der Dateien',
    passwordHint: 'Wird beim Öffnen der Datei auf dem Gerät verlangt.',
    madeTitle: (name: string) => `Zertifikat für ${name}`,
    once: 'Der private Schlüssel ist in der ersten Datei und nirgends sonst. Speichern Sie die Dateien jetzt.',
    p12: 'Zertifikat und Schlüssel (.p12)',
    truststore: 'Vertrauensspeicher für ATAK (.p12)',
    revokeTitle: (name: string) => `Zertifikat von ${name} widerrufen?`,
    revokeText: (user: string) => `Das Gerät von ${user} wird binnen einer Sekunde getrennt und kommt damit nicht wieder herein. Das lässt sich nicht rückgängig machen.`,
    wasRevoked: (name: string) => `Das Zertifikat von ${name} ist widerrufen.`,
  },

  streams: {
    name: 'Stream',
    inOut: 'Ein / aus',
    faults: 'Schäden / Sprünge',
    faultsMean: 'Bilder, die beschädigt waren und ausgelassen wurden, und wie oft ein Zuschauer zu langsam war und vorsprang',
    none: 'Kein Stream ist live.',
  },

  health: {
    allWell: 'Alles funktioniert',
    sick: (n: number) => `${plural(n, 'Punkt braucht', 'Punkte brauchen')} Aufmerksamkeit`,
    doors: 'Zugänge',
    parts: 'Teile',
    server: 'Server',
    open: 'Offen',
    closed: 'Zu',
    well: 'In Ordnung',
    ill: 'Gestört',
    fix: 'Abhilfe',
    name: 'Name',
    version: 'Version',
    hostNames: 'Hostnamen',
    ca: 'CA-Fingerabdruck',
    backup: 'Sicherung laden',
  },
};
