/** Nederlands. Publish heet hier uitzenden: zo zeggen de ploegen het, en het past op een knop. */
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

const plural = plurals('nl');
const protocolOf = (name: string) => protocolName(name, 'Webpagina');

const sections = {
  people: 'Personen',
  tokens: 'Tokens & sleutels',
  sessions: 'Sessies',
  devices: 'Apparaten',
  enrolment: 'Registratie',
  certificates: 'Certificaten',
  profiles: 'Profielen',
  streams: 'Streams',
  voice: 'Spraakkanalen',
  retention: 'Bewaarbeleid',
  health: 'Systeemstatus',
};

function titleOf(route: Route): string {
  switch (route.page) {
    case 'login':
      return 'Inloggen · Muster';
    case 'reset':
      return 'Nieuw wachtwoord · Muster';
    case 'map':
      return 'Kaart · Muster';
    case 'chat':
      return 'Chat · Muster';
    case 'files':
      return route.section === 'missions' ? 'Missies · Muster' : 'Bestanden · Muster';
    case 'wall':
      return 'Video · Muster';
    case 'player':
      return `${route.name} · Muster`;
    case 'recordings':
      return 'Opnamen · Muster';
    case 'publish':
      return 'Uitzenden · Muster';
    case 'admin':
      return `${sections[route.section]} · Muster`;
    case 'rooms':
    case 'room':
    case 'join':
      return roomTitle(route);
    case 'missing':
      return 'Niet gevonden · Muster';
  }
}

export const nl: Catalogue = {
  titleOf,
  dateTime: (time: string | undefined) => {
    const text = dateTime(time);
    return text === '–' ? 'nooit' : text;
  },
  protocol: protocolOf,
  action: (name: string) =>
    ({ publish: 'zendt uit', read: 'kijkt', api: 'gebruikt de console', operate: 'bedient', admin: 'beheert' })[name] ?? name,
  actions: { publish: 'Uitzenden', read: 'Bekijken', api: 'API gebruiken', operate: 'Bedienen', admin: 'Beheren' },
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
    cancel: 'Annuleren',
    close: 'Sluiten',
    save: 'Opslaan',
    done: 'Klaar',
    edit: 'Bewerken',
    remove: 'Verwijderen',
    revoke: 'Intrekken',
    dismiss: 'Sluiten',
    actions: 'Acties',
    loading: 'Laden…',
    tryAgain: 'Opnieuw proberen',
    copied: 'Gekopieerd',
    copyOf: (what: string) => `Kopiëren: ${what}`,
    copyFailed: 'De browser stond kopiëren niet toe. Selecteer de tekst en kopieer die met de hand.',
    days: (n: number) => plural(n, 'dag', 'dagen'),
  },

  errors: {
    unreachable: 'De server is niet bereikbaar. Controleer het netwerk; alles hier komt vanzelf terug.',
    notUnderstood: 'De server gaf een antwoord dat deze console niet begrijpt. Laad de pagina opnieuw.',
    unknown: 'Er ging hier iets mis. Laad de pagina opnieuw en probeer het nog eens.',
    status: (status: number, retryAfter?: number): string => {
      if (status === 401) return 'Je bent niet meer ingelogd.';
      if (status === 403) return 'Je rechten staan dit niet toe.';
      if (status === 404) return 'Dit bestaat niet (meer).';
      if (status === 409) return 'Dit bestaat al of is in gebruik.';
      if (status === 413) return 'Dit is groter dan de server accepteert.';
      if (status === 429) return retryAfter ? `Te veel pogingen. Wacht ${plural(retryAfter, 'seconde', 'seconden')}.` : 'Te veel pogingen. Wacht even.';
      if (status >= 500) return 'De server kon dit niet uitvoeren. In het log staat waarom.';
      return `De server heeft dit geweigerd (status ${status}).`;
    },
  },

  frame: {
    skip: 'Naar de inhoud',
    home: 'Muster, naar de kaart',
    map: 'Kaart',
    chat: 'Chat',
    files: 'Bestanden',
    unread: (n: number) => `${n} nieuw`,
    lenses: 'Weergaven',
    video: 'Video',
    publish: 'Uitzenden',
    admin: 'Beheer',
    groups: 'Groepen',
    groupsShown: (shown: number, all: number) => `Getoonde groepen: ${shown}/${all}`,
    search: 'Ga naar…',
    clock: 'Lokale tijd en Zulu-tijd',
    connecting: 'Verbinden…',
    noServer: 'Geen verbinding met de server',
    notLoaded: 'Deze pagina kon niet worden geladen: de server is niet bereikbaar of is intussen bijgewerkt.',
    reload: 'Opnieuw laden',
    reconnecting: (seconds: number) => `Verbinden over ${seconds} s`,
    state: { off: 'Offline', connecting: 'Verbinden', live: 'Live', waiting: 'Opnieuw verbinden' },
    announce: {
      off: 'Offline',
      connecting: '',
      live: 'Live: wat je ziet is actueel.',
      waiting: 'De verbinding is weg en komt vanzelf terug. Wat je ziet kan verouderd zijn.',
    },
  },

  roles: { admin: 'Beheerder', operator: 'Operator', member: 'Lid' },
  roleMeans: {
    member: 'gebruikt wat de groepen toestaan',
    operator: 'ziet en beëindigt ook sessies van de groepen',
    admin: 'alles',
  },

  menu: {
    label: (user: string) => `${user}: account en weergave`,
    theme: 'Weergave',
    themes: { dark: 'Donker', light: 'Licht', system: 'Systeem' },
    language: 'Taal',
    password: 'Wachtwoord wijzigen',
    currentPassword: 'Huidig wachtwoord',
    newPassword: 'Nieuw wachtwoord',
    passwordChanged: 'Het wachtwoord is gewijzigd.',
    logout: 'Uitloggen',
  },

  login: {
    title: 'Inloggen bij Muster',
    user: 'Naam',
    password: 'Wachtwoord',
    show: 'Tonen',
    hide: 'Verbergen',
    submit: 'Inloggen',
    busy: 'Inloggen…',
    wrong: 'Naam en wachtwoord horen niet bij elkaar. Controleer beide; hoofdletters tellen mee.',
    lost: 'Wachtwoord kwijt? Een beheerder kan een nieuw instellen.',
    ...login,
  },

  palette: {
    title: 'Ga naar een persoon, stream, plaats, ruimte of pagina',
    placeholder: 'Persoon, stream, ruimte, pagina, 32T PT 81 37 of 47.27, 11.40',
    place: 'plaats',
    contact: (user: string, connected: boolean) => `${user ? `${user}, ` : ''}${connected ? 'verbonden' : 'niet verbonden'}`,
    item: 'op de kaart',
    room: 'chatruimte',
    mission: 'missie',
    account: 'account',
    results: 'Bestemmingen',
    page: 'pagina',
    stream: (user: string) => `live, van ${user}`,
    nothing: 'Niets met die naam.',
  },

  missing: {
    title: 'Hier is niets',
    text: 'Het adres klopt niet, of je rechten reiken niet tot deze pagina.',
    back: 'Naar de kaart',
  },

  wall: {
    title: 'Video',
    count: (n: number) => plural(n, 'stream', 'streams'),
    filter: 'Filter op naam, persoon, groep',
    filterShort: 'Filter',
    tiles: 'Tegels op het scherm',
    auto: 'Auto',
    loading: 'Streams laden…',
    noMatch: (text: string) => `Geen live stream voldoet aan “${text}”.`,
    allHidden: 'Er zijn live streams, maar al hun groepen zijn hierboven uitgeschakeld.',
    showAll: 'Alles tonen',
    movedTo: (name: string, position: number, all: number) => `${name} staat nu op plaats ${position} van ${all}.`,
  },

  tile: {
    play: (name: string) => `${name} afspelen in deze tegel`,
    stop: (name: string) => `${name} stoppen in deze tegel`,
    move: (name: string) => `${name} verplaatsen; kan ook met de pijltjestoetsen`,
    moveHow: 'Sleep om te ordenen; kan ook met de pijltjestoetsen',
    viewers: (n: number) => (n === 1 ? `${n} kijkt` : `${n} kijken`),
    age: (age: string) => `${age} live`,
  },

  still: {
    noVideo: 'Alleen geluid',
    none: 'Wacht op het eerste keyframe',
    undecodable: 'Deze browser kan deze codec niet als stilstaand beeld tonen',
    error: 'Geen beeld: de server gaf geen antwoord',
    loading: 'Beeld laden…',
  },

  empty: {
    title: 'Er is geen stream live',
    text: 'Elke stream die iemand naar je groepen uitzendt, verschijnt hier zodra die begint. Start er een:',
    readOnly: 'Elke stream die iemand naar je groepen uitzendt, verschijnt hier zodra die begint.',
    here: 'Met dit apparaat',
    hereText: 'Camera of scherm, rechtstreeks uit deze browser. Niets te installeren.',
    ffmpeg: 'Met ffmpeg',
    ffmpegText: 'Plak deze regel en zet je wachtwoord in de plaats van PASSWORD. Het testbeeld mag elke bron zijn: een bestand, een camera.',
  },

  play: {
    playerOf: (name: string) => `Speler: ${name}`,
    live: 'Live',
    notPlaying: 'Speelt niet',
    offline: 'Offline',
    stateWord: 'Status',
    figures: 'Afspeelgegevens',
    connecting: 'Verbinden…',
    ended: 'De zender is gestopt.',
    comesBack: 'Het beeld komt vanzelf terug zodra de stream er weer is.',
    cannot: 'Dit kan hier niet worden afgespeeld',
    elsewhere: 'Een andere browser kan het misschien; VLC, ffplay en ATAK kunnen het met de adressen hier.',
    againIn: (seconds: number) => `Volgende poging over ${seconds} s`,
    now: 'Nu proberen',
    play: 'Afspelen',
    pause: 'Pauze',
    mute: 'Dempen',
    unmute: 'Geluid aan',
    noAudioTrack: 'De stream heeft geen geluid',
    previous: 'Vorige stream',
    next: 'Volgende stream',
    full: 'Volledig scherm',
    leaveFull: 'Volledig scherm verlaten',
    noFullScreen: 'De browser stond volledig scherm niet toe.',
    pip: 'Beeld-in-beeld',
    noPip: 'De browser stond beeld-in-beeld niet toe.',
    snapshot: 'Snapshot',
    noSnapshot: 'Er is nog geen beeld om vast te leggen.',
    snapshotSaved: (file: string) => `Snapshot opgeslagen: ${file}`,
    keys: 'Toetsenbord',
    keyList: [
      ['Spatie', 'pauzeren en live verder'],
      ['M', 'geluid aan en uit'],
      ['F', 'volledig scherm'],
      ['P', 'beeld-in-beeld'],
      ['S', 'snapshot'],
      ['← →', 'vorige en volgende stream'],
      ['?', 'deze lijst'],
      ['Ctrl K', 'ga naar een persoon, stream, plaats of pagina'],
    ],
    transport: 'Transport',
    transports,
    preferences: { auto: 'Automatisch', webrtc: 'WebRTC', hls: 'HLS' },
    latency: 'Vertraging',
    rate: 'Bitrate',
    size: 'Beeld',
    loss: 'Verlies',
    insteadHls: (transport: 'webrtc' | 'hls', why: string) =>
      transport === 'hls' ? `Speelt via HLS, enkele seconden vertraagd: ${why}` : `Speelt via WebRTC: ${why}`,
    noTransport: (transport: 'webrtc' | 'hls') => `Deze browser heeft geen ${transports[transport]}.`,
    cannotDecode: (codec: string, transport: 'webrtc' | 'hls') => `Deze browser kan ${codec} via ${transports[transport]} niet decoderen.`,
    bFrames: 'De zender stuurt B-frames, die WebRTC niet kan overbrengen (ffmpeg: -bf 0).',
    nothingToPlay: 'De stream heeft geen beeld en geen geluid.',
    noSound: (codec: string, transport: 'webrtc' | 'hls') =>
      transport === 'webrtc' ? `Geen geluid: WebRTC kan ${codec} niet overbrengen. Kies HLS om het te horen.` : `Geen geluid: deze browser kan ${codec} niet decoderen.`,
    noPicture: (transport: 'webrtc' | 'hls') =>
      transport === 'webrtc' ? 'Via WebRTC kwam geen beeld; misschien blokkeert het netwerk UDP.' : 'Via HLS kwam geen beeld.',
    noAnswer: 'De server antwoordde niet op tijd.',
    iceFailed: 'Het netwerkpad voor WebRTC viel weg; misschien is UDP geblokkeerd.',
    closedByServer: 'De server heeft de sessie beëindigd.',
    stalled: 'Er kwamen een tijdlang geen pakketten.',
    closed: 'Gesloten.',
    hlsFailed: (detail: string) => `HLS is gestopt (${detail}).`,
  },

  card: {
    about: (name: string) => `Over ${name}`,
    back: 'Alle video',
    publisher: 'Zender',
    by: (protocol: string) => `via ${protocolOf(protocol)}`,
    since: 'Sinds',
    tracks: 'Sporen',
    bFrames: 'met B-frames',
    rate: 'Bitrate',
    total: (bytes: string) => `(tot nu toe ${bytes})`,
    viewers: 'Kijkers',
    damaged: 'Beschadigd',
    damagedUnits: (n: number) => `${plural(n, 'frame', 'frames')} weggelaten`,
    offline: 'Deze stream is niet live, of je groepen reiken er niet toe.',
    end: 'Stream beëindigen',
    endTitle: (name: string) => `${name} beëindigen?`,
    endText: (user: string) =>
      `De verbinding van ${user || 'de zender'} wordt gesloten en alle kijkers verliezen het beeld. De zender kan opnieuw verbinden; blokkeer de persoon of trek de sleutel in om dat te voorkomen.`,
    ended: (name: string) => `${name} is beëindigd.`,
  },

  recordings: {
    title: 'Opnamen',
    of: (stream: string) => `Opnamen van ${stream}`,
    all: 'Opnamen van alle streams',
    stream: 'Stream',
    when: 'Begin',
    length: 'Lengte',
    size: 'Grootte',
    from: 'Van',
    open: 'loopt',
    play: 'Afspelen',
    playing: (stream: string, time: string) => `${stream}, ${time}`,
    cannotPlay: 'Deze browser kan de opname niet afspelen; download die voor VLC of een andere speler.',
    download: 'Downloaden',
    remove: 'Verwijderen',
    removeTitle: (stream: string, time: string) => `Opname van ${stream}, ${time}, verwijderen?`,
    removeText: 'Het bestand wordt van de server verwijderd. Dit kan niet ongedaan worden gemaakt.',
    removed: 'De opname is verwijderd.',
    more: 'Oudere tonen',
    emptyTitle: 'Er is niets opgenomen',
    emptyText: 'Een stream wordt opgenomen als de configuratie dat zegt (media.paths, record: true), of als een operator de opname start op de pagina van de stream.',
    start: 'Opnemen',
    stop: 'Opname stoppen',
    state: 'Opname loopt',
    mark: 'REC',
    on: (name: string) => `${name} wordt opgenomen tot de stream eindigt.`,
    off: (name: string) => `${name} wordt niet meer opgenomen.`,
  },

  addresses: {
    watch: 'Elders bekijken',
    publish: 'Van elders uitzenden',
    of: (protocol: string, app: string) => `${protocolOf(protocol)}-adres voor ${app}`,
    qr: 'QR-code',
    qrOf: (protocol: string, app: string) => `QR-code van het ${protocolOf(protocol)}-adres voor ${app}`,
    qrNeedsKey: 'Een code om te scannen heeft een sleutel nodig. Maak er hieronder een; dan staat die in elk adres hier.',
    keyText: 'Voor een ander apparaat: een sleutel die alleen deze stream opent, opgenomen in de adressen en QR-codes.',
    lifetime: 'Hoe lang de sleutel geldig is',
    makeKey: 'Sleutel maken',
    hasKey: (day: string) => `Deze adressen bevatten een nieuwe sleutel, geldig tot ${day}. Wie er een heeft, kan die gebruiken; trek de sleutel in onder Beheer, Tokens & sleutels.`,
  },

  publish: {
    title: 'Uitzenden vanaf dit apparaat',
    fromHere: 'Uitzenden vanaf dit apparaat',
    preview: 'Voorbeeld',
    noPreview: 'Het voorbeeld verschijnt als camera of scherm aan staat.',
    soundOnly: 'Alleen geluid: er is geen beeld om te tonen.',
    show: 'Inschakelen',
    flip: 'Andere camera',
    name: 'Naam van de stream',
    nameHint: 'Letters, cijfers en . _ - ~, delen gescheiden door /',
    taken: (user: string) => `Er is al een stream met die naam live, van ${user}.`,
    source: 'Wat je uitzendt',
    sources: { camera: 'Camera', screen: 'Scherm', none: 'Geluid' },
    camera: 'Camera',
    automatic: 'Automatisch',
    microphone: 'Met microfoon',
    whichMicrophone: 'Microfoon',
    height: 'Beeld',
    bitrate: 'Hoogstens',
    codec: 'Codec',
    codecHint: 'H264 speelt overal. VP8 waar het apparaat geen H264 kan maken.',
    codecWord: 'Codec',
    start: 'Uitzending starten',
    stop: 'Uitzending stoppen',
    watchIt: 'Zien wat anderen zien',
    off: 'Zendt niet uit',
    live: 'Je bent live',
    starting: 'Verbinden…',
    interrupted: 'Onderbroken',
    endedByServer: 'De stream is op de server beëindigd, door een operator of omdat je rechten zijn gewijzigd.',
    time: 'Duur',
    up: 'Upload',
    rtt: 'Retourtijd',
    uplink: (loss: number, limit: 'none' | 'cpu' | 'bandwidth' | 'other'): string => {
      const drops = loss >= 0.005 ? `Je uplink verliest ${percent(loss)} van de pakketten` : '';
      if (limit === 'bandwidth') return drops ? `${drops}; het beeld is verlaagd.` : 'Je uplink zit vol; het beeld is verlaagd zodat het past.';
      if (limit === 'cpu') return `${drops ? `${drops}. ` : ''}Dit apparaat is te druk voor het volle beeld; het is verlaagd.`;
      return drops ? `${drops}.` : 'De uplink is schoon.';
    },
    denied: 'De browser mocht camera, microfoon of scherm niet gebruiken. Sta dat links in de adresbalk toe en probeer het opnieuw.',
    noDevice: 'Die camera of microfoon is er hier niet. Sluit er een aan of kies een andere.',
    busy: 'Een ander programma gebruikt de camera of microfoon. Sluit dat en probeer het opnieuw.',
    insecure: 'Browsers geven camera en microfoon alleen vrij aan pagina’s via HTTPS. Open deze server met https://.',
  },

  nameFaults: {
    empty: 'Een stream heeft een naam nodig.',
    long: 'De naam is langer dan 160 tekens.',
    deep: 'De naam heeft meer dan acht delen.',
    slash: 'Een schuine streep staat tussen twee delen, niet aan een uiteinde en niet dubbel.',
    dot: 'Geen deel mag met een punt beginnen.',
    characters: 'Alleen letters, cijfers en . _ - ~ zijn toegestaan, en / tussen de delen.',
  },

  admin: {
    sections,
    filter: 'Filter',
    noMatch: 'Niets voldoet aan het filter.',
  },

  people: {
    add: 'Persoon toevoegen',
    person: 'Persoon',
    name: 'Inlognaam',
    nameHint: 'Kan later niet worden gewijzigd.',
    fullName: 'Volledige naam',
    password: 'Wachtwoord',
    passwordHint: 'Willekeurig voorgesteld. Het wordt niet nog eens getoond: kopieer het nu.',
    role: 'Rol',
    lastLogin: 'Laatst ingelogd',
    disabled: 'Geblokkeerd',
    disable: 'Geblokkeerd',
    disableText: 'Elke sessie van deze persoon wordt binnen een seconde gesloten, op elk protocol.',
    notYourself: 'Je kunt je eigen rechten niet afnemen.',
    keepPassword: 'Leeg laten om het huidige te houden.',
    in: 'IN',
    out: 'OUT',
    inMeans: 'Mag naar de groep zenden',
    outMeans: 'Ontvangt wat de groep heeft',
    explain: 'IN: mag naar de groep zenden. OUT: ontvangt wat de groep heeft. Beheerders zien elke stream.',
    rights: (user: string, group: string) => `Rechten van ${user} in ${group}`,
    editTitle: (user: string) => `${user} bewerken`,
    added: (user: string) => `${user} kan nu inloggen.`,
    saved: (user: string) => `${user} is opgeslagen.`,
    removeTitle: (user: string) => `${user} verwijderen?`,
    removeText: 'Het account en de bijbehorende tokens, sleutels en certificaten werken meteen niet meer, en elke open sessie wordt gesloten. Dit kan niet ongedaan worden gemaakt; blokkeren wel.',
    removed: (user: string) => `${user} is verwijderd.`,
  },

  groups: {
    name: 'Nieuwe groep',
    description: 'Waarvoor',
    add: 'Groep toevoegen',
    members: (n: number) => plural(n, 'lid', 'leden'),
    added: (group: string) => `Groep ${group} is toegevoegd.`,
    removeTitle: (group: string) => `Groep ${group} verwijderen?`,
    removeText: (members: number) =>
      `${plural(members, 'lid verliest', 'leden verliezen')} wat deze groep gaf. Streams die alleen bij deze groep horen, zijn dan alleen nog voor beheerders zichtbaar.`,
    removed: (group: string) => `Groep ${group} is verwijderd.`,
  },

  tokens: {
    add: 'Nieuwe token of sleutel',
    name: 'Naam',
    nameHint: 'Waarvoor: drone 2, OBS in de studio',
    kind: 'Soort',
    kinds: { token: 'Token', streamkey: 'Streamsleutel' },
    kindMeans: {
      streamkey: 'Komt in een adres of in het sleutelveld van OBS. Opent alleen de hieronder genoemde streams.',
      token: 'Voor scripts: komt in de Authorization-header.',
    },
    user: 'Persoon',
    forUser: 'Voor (leeg: jijzelf)',
    scope: 'Mag',
    mayDo: 'Mag',
    streams: 'Streams',
    everyStream: 'elke stream',
    everything: 'Alles wat de persoon mag',
    never: 'Tot intrekking',
    streamsHint: {
      streamkey: 'Namen of patronen zoals uas/north/*; meerdere met een komma.',
      token: 'Namen of patronen zoals uas/north/*; meerdere met een komma. Leeg: elke stream waar de persoon bij kan.',
    },
    lifetime: 'Geldig voor',
    expires: 'Tot',
    expired: 'Verlopen',
    lastUsed: 'Laatst gebruikt',
    make: 'Maken',
    needsAction: 'Kies ten minste één ding dat ermee mag.',
    madeTitle: (name: string) => `${name} is klaar`,
    once: 'Dit wordt één keer getoond en nergens leesbaar bewaard. Kopieer of scan het nu.',
    secret: 'Het geheim',
    kept: 'Ik heb het',
    emptyTitle: 'Geen tokens en geen sleutels',
    emptyText: 'Met een streamsleutel zendt een drone, OBS of een camera uit zonder wachtwoord; met een token gebruikt een script de API. Beide kunnen worden beperkt, verlopen en kunnen worden ingetrokken.',
    revokeTitle: (name: string) => `${name} intrekken?`,
    revokeText: 'Wat er gebruik van maakt, wordt binnen een seconde losgekoppeld en komt er niet meer mee binnen.',
    revoked: (name: string) => `${name} is ingetrokken.`,
  },

  sessions: {
    who: 'Wie',
    does: 'Doet',
    stream: 'Stream',
    by: 'Via',
    from: 'Van',
    since: 'Duur',
    nobody: 'anoniem',
    certificate: 'met certificaat',
    token: 'met token',
    none: 'Er is niets open.',
    failures: 'Mislukte inlogpogingen',
    failure: (user: string, remote: string, protocol: string) => `${user || 'iemand'} van ${remote || 'ergens'}${protocol ? ` via ${protocol.toUpperCase()}` : ''}`,
    end: 'Beëindigen',
    endTitle: (user: string) => `Deze sessie van ${user || 'anoniem'} beëindigen?`,
    endText: 'De verbinding wordt meteen gesloten. De persoon kan opnieuw verbinden; blokkeer de persoon of trek de token in om dat te voorkomen.',
    ended: (user: string) => `De sessie van ${user || 'anoniem'} is beëindigd.`,
  },

  certificates: {
    issue: 'Certificaat uitgeven',
    ca: 'CA-certificaat',
    device: 'Apparaat',
    deviceHint: 'tablet 7, verbindingswagen',
    state: 'Status',
    valid: 'Geldig',
    revoked: 'Ingetrokken',
    issued: 'Uitgegeven',
    fingerprint: 'Vingerafdruk',
    emptyTitle: 'Geen certificaten',
    emptyText: 'Een certificaat laat een apparaat zonder wachtwoord toe: ATAK, WinTAK, een browser op poort 8443. Het wordt hier uitgegeven en kan altijd worden ingetrokken.',
    password: 'Wachtwoord van de bestanden',
    passwordHint: 'Wordt gevraagd als het bestand op het apparaat wordt geopend.',
    madeTitle: (name: string) => `Certificaat voor ${name}`,
    once: 'De privésleutel staat in het eerste bestand en nergens anders. Sla de bestanden nu op.',
    p12: 'Certificaat en sleutel (.p12)',
    truststore: 'Truststore voor ATAK (.p12)',
    revokeTitle: (name: string) => `Certificaat van ${name} intrekken?`,
    revokeText: (user: string) => `Het apparaat van ${user} wordt binnen een seconde losgekoppeld en komt er niet meer mee binnen. Dit kan niet ongedaan worden gemaakt.`,
    wasRevoked: (name: string) => `Het certificaat van ${name} is ingetrokken.`,
  },

  streams: {
    name: 'Stream',
    inOut: 'In / uit',
    faults: 'Beschadigd / sprongen',
    faultsMean: 'Frames die beschadigd waren en zijn weggelaten, en hoe vaak een kijker te traag was en vooruitsprong',
    none: 'Er is geen stream live.',
  },

  health: {
    allWell: 'Alles werkt',
    sick: (n: number) => `${plural(n, 'punt vraagt', 'punten vragen')} aandacht`,
    doors: 'Toegangen',
    parts: 'Onderdelen',
    server: 'Server',
    open: 'Open',
    closed: 'Dicht',
    well: 'In orde',
    ill: 'Storing',
    fix: 'Oplossing',
    name: 'Naam',
    version: 'Versie',
    hostNames: 'Hostnamen',
    ca: 'CA-vingerafdruk',
    backup: 'Back-up downloaden',
  },
};
