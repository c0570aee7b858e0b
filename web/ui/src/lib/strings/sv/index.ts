/** Svenska. Publish heter här sända: så säger lagen, och det får plats på en knapp. */
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

const plural = plurals('sv');
const protocolOf = (name: string) => protocolName(name, 'Webbsida');

const sections = {
  people: 'Personer',
  tokens: 'Tokens & nycklar',
  sessions: 'Sessioner',
  devices: 'Enheter',
  enrolment: 'Registrering',
  certificates: 'Certifikat',
  profiles: 'Profiler',
  streams: 'Strömmar',
  voice: 'Röstkanaler',
  retention: 'Gallring',
  health: 'Systemstatus',
};

function titleOf(route: Route): string {
  switch (route.page) {
    case 'login':
      return 'Logga in · Muster';
    case 'reset':
      return 'Nytt lösenord · Muster';
    case 'map':
      return 'Karta · Muster';
    case 'chat':
      return 'Chatt · Muster';
    case 'files':
      return route.section === 'missions' ? 'Uppdrag · Muster' : 'Filer · Muster';
    case 'wall':
      return 'Video · Muster';
    case 'player':
      return `${route.name} · Muster`;
    case 'recordings':
      return 'Inspelningar · Muster';
    case 'publish':
      return 'Sänd · Muster';
    case 'admin':
      return `${sections[route.section]} · Muster`;
    case 'rooms':
    case 'room':
    case 'join':
      return roomTitle(route);
    case 'missing':
      return 'Hittades inte · Muster';
  }
}

export const sv: Catalogue = {
  titleOf,
  dateTime: (time: string | undefined) => {
    const text = dateTime(time);
    return text === '–' ? 'aldrig' : text;
  },
  protocol: protocolOf,
  action: (name: string) =>
    ({ publish: 'sänder', read: 'tittar', api: 'använder konsolen', operate: 'styr', admin: 'administrerar' })[name] ?? name,
  actions: { publish: 'Sända', read: 'Titta', api: 'Använda API:et', operate: 'Styra', admin: 'Administrera' },
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
    cancel: 'Avbryt',
    close: 'Stäng',
    save: 'Spara',
    done: 'Klar',
    edit: 'Redigera',
    remove: 'Ta bort',
    revoke: 'Återkalla',
    dismiss: 'Stäng',
    actions: 'Åtgärder',
    loading: 'Läser in…',
    tryAgain: 'Försök igen',
    copied: 'Kopierat',
    copyOf: (what: string) => `Kopiera: ${what}`,
    copyFailed: 'Webbläsaren tillät inte kopiering. Markera texten och kopiera den för hand.',
    days: (n: number) => plural(n, 'dag', 'dagar'),
  },

  errors: {
    unreachable: 'Servern kan inte nås. Kontrollera nätet; allt här kommer tillbaka av sig självt.',
    notUnderstood: 'Servern gav ett svar som den här konsolen inte förstår. Ladda om sidan.',
    unknown: 'Något gick fel här. Ladda om sidan och försök igen.',
    status: (status: number, retryAfter?: number): string => {
      if (status === 401) return 'Du är inte längre inloggad.';
      if (status === 403) return 'Dina rättigheter tillåter inte detta.';
      if (status === 404) return 'Detta finns inte (längre).';
      if (status === 409) return 'Detta finns redan eller används.';
      if (status === 413) return 'Detta är större än vad servern tar emot.';
      if (status === 429) return retryAfter ? `För många försök. Vänta ${plural(retryAfter, 'sekund', 'sekunder')}.` : 'För många försök. Vänta en stund.';
      if (status >= 500) return 'Servern kunde inte göra detta. Loggen säger varför.';
      return `Servern avvisade detta (status ${status}).`;
    },
  },

  frame: {
    skip: 'Hoppa till innehållet',
    home: 'Muster, till kartan',
    map: 'Karta',
    chat: 'Chatt',
    files: 'Filer',
    unread: (n: number) => (n === 1 ? `${n} ny` : `${n} nya`),
    lenses: 'Vyer',
    video: 'Video',
    publish: 'Sänd',
    admin: 'Admin',
    groups: 'Grupper',
    groupsShown: (shown: number, all: number) => `Grupper som visas: ${shown}/${all}`,
    search: 'Gå till…',
    clock: 'Lokal tid och zulutid',
    connecting: 'Ansluter…',
    noServer: 'Ingen anslutning till servern',
    notLoaded: 'Sidan kunde inte läsas in: servern kan inte nås eller har uppgraderats under tiden.',
    reload: 'Ladda om',
    reconnecting: (seconds: number) => `Ansluter om ${seconds} s`,
    state: { off: 'Offline', connecting: 'Ansluter', live: 'Live', waiting: 'Återansluter' },
    announce: {
      off: 'Offline',
      connecting: '',
      live: 'Live: det du ser är aktuellt.',
      waiting: 'Anslutningen är bruten och kommer tillbaka av sig själv. Det du ser kan vara gammalt.',
    },
  },

  roles: { admin: 'Administratör', operator: 'Operatör', member: 'Medlem' },
  roleMeans: {
    member: 'använder det som grupperna tillåter',
    operator: 'ser och avslutar även gruppernas sessioner',
    admin: 'allt',
  },

  menu: {
    label: (user: string) => `${user}: konto och utseende`,
    theme: 'Utseende',
    themes: { dark: 'Mörkt', light: 'Ljust', system: 'System' },
    language: 'Språk',
    password: 'Byt lösenord',
    currentPassword: 'Nuvarande lösenord',
    newPassword: 'Nytt lösenord',
    passwordChanged: 'Lösenordet är bytt.',
    logout: 'Logga ut',
  },

  login: {
    title: 'Logga in på Muster',
    user: 'Namn',
    password: 'Lösenord',
    show: 'Visa',
    hide: 'Dölj',
    submit: 'Logga in',
    busy: 'Loggar in…',
    wrong: 'Namn och lösenord stämmer inte överens. Kontrollera båda; stora bokstäver räknas.',
    lost: 'Tappat bort lösenordet? En administratör kan ange ett nytt.',
    ...login,
  },

  palette: {
    title: 'Gå till en person, en ström, en plats, ett rum eller en sida',
    placeholder: 'Person, ström, rum, sida, 32T PT 81 37 eller 47.27, 11.40',
    place: 'plats',
    contact: (user: string, connected: boolean) => `${user ? `${user}, ` : ''}${connected ? 'ansluten' : 'inte ansluten'}`,
    item: 'på kartan',
    room: 'chattrum',
    mission: 'uppdrag',
    account: 'konto',
    results: 'Mål',
    page: 'sida',
    stream: (user: string) => `live, från ${user}`,
    nothing: 'Inget med det namnet.',
  },

  missing: {
    title: 'Här finns inget',
    text: 'Adressen är fel, eller så räcker dina rättigheter inte till den här sidan.',
    back: 'Till kartan',
  },

  wall: {
    title: 'Video',
    count: (n: number) => plural(n, 'ström', 'strömmar'),
    filter: 'Filtrera på namn, person, grupp',
    filterShort: 'Filter',
    tiles: 'Rutor på skärmen',
    auto: 'Auto',
    loading: 'Läser in strömmarna…',
    noMatch: (text: string) => `Ingen liveström matchar ”${text}”.`,
    allHidden: 'Det finns liveströmmar, men alla deras grupper är avstängda ovan.',
    showAll: 'Visa alla',
    movedTo: (name: string, position: number, all: number) => `${name} är nu på plats ${position} av ${all}.`,
  },

  tile: {
    play: (name: string) => `Spela ${name} i den här rutan`,
    stop: (name: string) => `Stoppa ${name} i den här rutan`,
    move: (name: string) => `Flytta ${name}; det går även med piltangenterna`,
    moveHow: 'Dra för att ordna; det går även med piltangenterna',
    viewers: (n: number) => `${n} tittar`,
    age: (age: string) => `live i ${age}`,
  },

  still: {
    noVideo: 'Endast ljud',
    none: 'Väntar på första nyckelbilden',
    undecodable: 'Webbläsaren kan inte visa den här kodeken som stillbild',
    error: 'Ingen bild: servern svarade inte',
    loading: 'Läser in bilden…',
  },

  empty: {
    title: 'Ingen ström är live',
    text: 'Varje ström som någon sänder till dina grupper visas här så fort den börjar. Starta en:',
    readOnly: 'Varje ström som någon sänder till dina grupper visas här så fort den börjar.',
    here: 'Med den här enheten',
    hereText: 'Kamera eller skärm, direkt från den här webbläsaren. Inget att installera.',
    ffmpeg: 'Med ffmpeg',
    ffmpegText: 'Klistra in raden och sätt ditt lösenord i stället för PASSWORD. Testbilden kan vara vilken källa som helst: en fil, en kamera.',
  },

  play: {
    playerOf: (name: string) => `Spelare: ${name}`,
    live: 'Live',
    notPlaying: 'Spelar inte',
    offline: 'Offline',
    stateWord: 'Status',
    figures: 'Värden för uppspelningen',
    connecting: 'Ansluter…',
    ended: 'Sändaren har slutat.',
    comesBack: 'Bilden kommer tillbaka av sig själv när strömmen gör det.',
    cannot: 'Detta kan inte spelas här',
    elsewhere: 'En annan webbläsare kanske kan; VLC, ffplay och ATAK kan med adresserna här.',
    againIn: (seconds: number) => `Nästa försök om ${seconds} s`,
    now: 'Försök nu',
    play: 'Spela',
    pause: 'Pausa',
    mute: 'Ljud av',
    unmute: 'Ljud på',
    noAudioTrack: 'Strömmen har inget ljud',
    previous: 'Föregående ström',
    next: 'Nästa ström',
    full: 'Helskärm',
    leaveFull: 'Lämna helskärm',
    noFullScreen: 'Webbläsaren tillät inte helskärm.',
    pip: 'Bild-i-bild',
    noPip: 'Webbläsaren tillät inte bild-i-bild.',
    snapshot: 'Stillbild',
    noSnapshot: 'Det finns ännu ingen bild att ta.',
    snapshotSaved: (file: string) => `Stillbild sparad: ${file}`,
    keys: 'Tangentbord',
    keyList: [
      ['Mellanslag', 'pausa och fortsätt live'],
      ['M', 'ljud på och av'],
      ['F', 'helskärm'],
      ['P', 'bild-i-bild'],
      ['S', 'stillbild'],
      ['← →', 'föregående och nästa ström'],
      ['?', 'den här listan'],
      ['Ctrl K', 'gå till en person, ström, plats eller sida'],
    ],
    transport: 'Överföring',
    transports,
    preferences: { auto: 'Automatisk', webrtc: 'WebRTC', hls: 'HLS' },
    latency: 'Fördröjning',
    rate: 'Bithastighet',
    size: 'Bild',
    loss: 'Förlust',
    insteadHls: (transport: 'webrtc' | 'hls', why: string) =>
      transport === 'hls' ? `Spelas över HLS, några sekunder efter: ${why}` : `Spelas över WebRTC: ${why}`,
    noTransport: (transport: 'webrtc' | 'hls') => `Webbläsaren saknar ${transports[transport]}.`,
    cannotDecode: (codec: string, transport: 'webrtc' | 'hls') => `Webbläsaren kan inte avkoda ${codec} över ${transports[transport]}.`,
    bFrames: 'Sändaren skickar B-bilder, som WebRTC inte kan överföra (ffmpeg: -bf 0).',
    nothingToPlay: 'Strömmen har varken bild eller ljud.',
    noSound: (codec: string, transport: 'webrtc' | 'hls') =>
      transport === 'webrtc' ? `Inget ljud: WebRTC kan inte överföra ${codec}. Välj HLS för att höra det.` : `Inget ljud: webbläsaren kan inte avkoda ${codec}.`,
    noPicture: (transport: 'webrtc' | 'hls') =>
      transport === 'webrtc' ? 'Ingen bild kom över WebRTC; nätet kanske spärrar UDP.' : 'Ingen bild kom över HLS.',
    noAnswer: 'Servern svarade inte i tid.',
    iceFailed: 'Nätvägen för WebRTC bröts; UDP kan vara spärrat.',
    closedByServer: 'Servern avslutade sessionen.',
    stalled: 'Inga paket kom på en stund.',
    closed: 'Stängd.',
    hlsFailed: (detail: string) => `HLS stannade (${detail}).`,
  },

  card: {
    about: (name: string) => `Om ${name}`,
    back: 'All video',
    publisher: 'Sändare',
    by: (protocol: string) => `via ${protocolOf(protocol)}`,
    since: 'Sedan',
    tracks: 'Spår',
    bFrames: 'med B-bilder',
    rate: 'Bithastighet',
    total: (bytes: string) => `(hittills ${bytes})`,
    viewers: 'Tittare',
    damaged: 'Skadat',
    damagedUnits: (n: number) => `${plural(n, 'bildruta utelämnad', 'bildrutor utelämnade')}`,
    offline: 'Strömmen är inte live, eller så når dina grupper den inte.',
    end: 'Avsluta ström',
    endTitle: (name: string) => `Avsluta ${name}?`,
    endText: (user: string) =>
      `Anslutningen för ${user || 'sändaren'} stängs och alla som tittar förlorar bilden. Sändaren kan ansluta igen; spärra personen eller återkalla nyckeln för att förhindra det.`,
    ended: (name: string) => `${name} avslutades.`,
  },

  recordings: {
    title: 'Inspelningar',
    of: (stream: string) => `Inspelningar av ${stream}`,
    all: 'Inspelningar av alla strömmar',
    stream: 'Ström',
    when: 'Början',
    length: 'Längd',
    size: 'Storlek',
    from: 'Från',
    open: 'pågår',
    play: 'Spela',
    playing: (stream: string, time: string) => `${stream}, ${time}`,
    cannotPlay: 'Webbläsaren kan inte spela den; ladda ner den för VLC eller en annan spelare.',
    download: 'Ladda ner',
    remove: 'Radera',
    removeTitle: (stream: string, time: string) => `Radera inspelningen av ${stream}, ${time}?`,
    removeText: 'Filen raderas från servern. Detta kan inte ångras.',
    removed: 'Inspelningen är raderad.',
    more: 'Visa äldre',
    emptyTitle: 'Inget är inspelat',
    emptyText: 'En ström spelas in när konfigurationen säger det (media.paths, record: true), eller när en operatör startar det på strömmens sida.',
    start: 'Spela in',
    stop: 'Stoppa inspelning',
    state: 'Spelar in',
    mark: 'REC',
    on: (name: string) => `${name} spelas in tills strömmen slutar.`,
    off: (name: string) => `${name} spelas inte längre in.`,
  },

  addresses: {
    watch: 'Titta någon annanstans',
    publish: 'Sänd från annat håll',
    of: (protocol: string, app: string) => `${protocolOf(protocol)}-adress för ${app}`,
    qr: 'QR-kod',
    qrOf: (protocol: string, app: string) => `QR-kod för ${protocolOf(protocol)}-adressen till ${app}`,
    qrNeedsKey: 'En kod att skanna behöver en nyckel. Skapa en nedan, så finns den i varje adress här.',
    keyText: 'För en annan enhet: en nyckel som bara öppnar den här strömmen; den läggs in i adresserna och QR-koderna.',
    lifetime: 'Hur länge nyckeln gäller',
    makeKey: 'Skapa nyckel',
    hasKey: (day: string) => `Adresserna innehåller en ny nyckel, giltig till ${day}. Den som har en kan använda den; återkalla den under Admin, Tokens & nycklar.`,
  },

  publish: {
    title: 'Sänd från den här enheten',
    fromHere: 'Sänd från den här enheten',
    preview: 'Förhandsvisning',
    noPreview: 'Förhandsvisningen visas när kamera eller skärm är på.',
    soundOnly: 'Endast ljud: det finns ingen bild att visa.',
    show: 'Slå på',
    flip: 'Annan kamera',
    name: 'Strömmens namn',
    nameHint: 'Bokstäver, siffror och . _ - ~, delar åtskilda med /',
    taken: (user: string) => `En ström med det namnet är live, från ${user}.`,
    source: 'Vad som sänds',
    sources: { camera: 'Kamera', screen: 'Skärm', none: 'Ljud' },
    camera: 'Kamera',
    automatic: 'Automatisk',
    microphone: 'Med mikrofon',
    whichMicrophone: 'Mikrofon',
    height: 'Bild',
    bitrate: 'Högst',
    codec: 'Kodek',
    codecHint: 'H264 spelas överallt. VP8 där enheten inte kan göra H264.',
    codecWord: 'Kodek',
    start: 'Börja sända',
    stop: 'Sluta sända',
    watchIt: 'Se den som andra ser den',
    off: 'Sänder inte',
    live: 'Du är live',
    starting: 'Ansluter…',
    interrupted: 'Avbruten',
    endedByServer: 'Strömmen avslutades på servern, av en operatör eller för att dina rättigheter ändrades.',
    time: 'Tid',
    up: 'Upp',
    rtt: 'Svarstid',
    uplink: (loss: number, limit: 'none' | 'cpu' | 'bandwidth' | 'other'): string => {
      const drops = loss >= 0.005 ? `Din upplänk tappar ${percent(loss)} av paketen` : '';
      if (limit === 'bandwidth') return drops ? `${drops}; bilden sänktes.` : 'Din upplänk är full; bilden sänktes för att få plats.';
      if (limit === 'cpu') return `${drops ? `${drops}. ` : ''}Enheten är för belastad för full bild; den sänktes.`;
      return drops ? `${drops}.` : 'Upplänken är ren.';
    },
    denied: 'Webbläsaren fick inte använda kamera, mikrofon eller skärm. Tillåt det till vänster i adressfältet och försök igen.',
    noDevice: 'Den kameran eller mikrofonen finns inte här. Anslut en eller välj en annan.',
    busy: 'Ett annat program använder kameran eller mikrofonen. Stäng det och försök igen.',
    insecure: 'Webbläsare ger kamera och mikrofon bara till sidor över HTTPS. Öppna servern med https://.',
  },

  nameFaults: {
    empty: 'En ström måste ha ett namn.',
    long: 'Namnet är längre än 160 tecken.',
    deep: 'Namnet har fler än åtta delar.',
    slash: 'Ett snedstreck ska stå mellan två delar, inte i början eller slutet och inte dubbelt.',
    dot: 'Ingen del får börja med en punkt.',
    characters: 'Bara bokstäver, siffror och . _ - ~ är tillåtna, och / mellan delarna.',
  },

  admin: {
    sections,
    filter: 'Filter',
    noMatch: 'Inget matchar filtret.',
  },

  people: {
    add: 'Lägg till person',
    person: 'Person',
    name: 'Inloggningsnamn',
    nameHint: 'Kan inte ändras senare.',
    fullName: 'Fullständigt namn',
    password: 'Lösenord',
    passwordHint: 'Slumpat förslag. Det visas inte igen: kopiera det nu.',
    role: 'Roll',
    lastLogin: 'Senaste inloggning',
    disabled: 'Spärrad',
    disable: 'Spärrad',
    disableText: 'Personens alla sessioner stängs inom en sekund, på alla protokoll.',
    notYourself: 'Du kan inte ta ifrån dig själv rättigheter.',
    keepPassword: 'Lämna tomt för att behålla det nuvarande.',
    in: 'IN',
    out: 'OUT',
    inMeans: 'Får sända till gruppen',
    outMeans: 'Tar emot det som finns i gruppen',
    explain: 'IN: får sända till gruppen. OUT: tar emot det som finns i gruppen. Administratörer ser alla strömmar.',
    rights: (user: string, group: string) => `Rättigheter för ${user} i ${group}`,
    editTitle: (user: string) => `Redigera ${user}`,
    added: (user: string) => `${user} kan nu logga in.`,
    saved: (user: string) => `${user} är sparad.`,
    removeTitle: (user: string) => `Ta bort ${user}?`,
    removeText: 'Kontot och dess tokens, nycklar och certifikat slutar gälla genast, och alla öppna sessioner stängs. Detta kan inte ångras; en spärr kan hävas.',
    removed: (user: string) => `${user} är borttagen.`,
  },

  groups: {
    name: 'Ny grupp',
    description: 'Vad den är till för',
    add: 'Lägg till grupp',
    members: (n: number) => plural(n, 'medlem', 'medlemmar'),
    added: (group: string) => `Gruppen ${group} är tillagd.`,
    removeTitle: (group: string) => `Ta bort gruppen ${group}?`,
    removeText: (members: number) =>
      `${plural(members, 'medlem förlorar', 'medlemmar förlorar')} det som gruppen gav. Strömmar som bara hör till den här gruppen syns sedan bara för administratörer.`,
    removed: (group: string) => `Gruppen ${group} är borttagen.`,
  },

  tokens: {
    add: 'Ny token eller nyckel',
    name: 'Namn',
    nameHint: 'Vad den är till för: drönare 2, OBS i studion',
    kind: 'Typ',
    kinds: { token: 'Token', streamkey: 'Strömnyckel' },
    kindMeans: {
      streamkey: 'Läggs i en adress eller i nyckelfältet i OBS. Öppnar strömmarna nedan och inget annat.',
      token: 'För skript: läggs i Authorization-huvudet.',
    },
    user: 'Person',
    forUser: 'För (tomt: dig själv)',
    scope: 'Får',
    mayDo: 'Får',
    streams: 'Strömmar',
    everyStream: 'alla strömmar',
    everything: 'Allt som personen får',
    never: 'Tills den återkallas',
    streamsHint: {
      streamkey: 'Namn eller mönster som uas/north/*; flera med komma.',
      token: 'Namn eller mönster som uas/north/*; flera med komma. Tomt: alla strömmar som personen når.',
    },
    lifetime: 'Giltig i',
    expires: 'Till',
    expired: 'Utgången',
    lastUsed: 'Senast använd',
    make: 'Skapa',
    needsAction: 'Välj minst en sak som den får göra.',
    madeTitle: (name: string) => `${name} är klar`,
    once: 'Detta visas en gång och sparas ingenstans i läsbar form. Kopiera eller skanna det nu.',
    secret: 'Hemligheten',
    kept: 'Jag har den',
    emptyTitle: 'Inga tokens och inga nycklar',
    emptyText: 'Med en strömnyckel kan en drönare, OBS eller en kamera sända utan lösenord; med en token kan ett skript använda API:et. Båda kan begränsas, löper ut och kan återkallas.',
    revokeTitle: (name: string) => `Återkalla ${name}?`,
    revokeText: 'Det som använder den kopplas från inom en sekund och kan inte komma tillbaka med den.',
    revoked: (name: string) => `${name} är återkallad.`,
  },

  sessions: {
    who: 'Vem',
    does: 'Gör',
    stream: 'Ström',
    by: 'Via',
    from: 'Från',
    since: 'Tid',
    nobody: 'anonym',
    certificate: 'med certifikat',
    token: 'med token',
    none: 'Inget är öppet.',
    failures: 'Misslyckade inloggningar',
    failure: (user: string, remote: string, protocol: string) => `${user || 'någon'} från ${remote || 'någonstans'}${protocol ? ` via ${protocol.toUpperCase()}` : ''}`,
    end: 'Avsluta',
    endTitle: (user: string) => `Avsluta den här sessionen för ${user || 'anonym'}?`,
    endText: 'Anslutningen stängs genast. Personen kan ansluta igen; spärra personen eller återkalla personens token för att förhindra det.',
    ended: (user: string) => `Sessionen för ${user || 'anonym'} avslutades.`,
  },

  certificates: {
    issue: 'Utfärda certifikat',
    ca: 'CA-certifikat',
    device: 'Enhet',
    deviceHint: 'platta 7, sambandsbil',
    state: 'Status',
    valid: 'Giltigt',
    revoked: 'Återkallat',
    issued: 'Utfärdat',
    fingerprint: 'Fingeravtryck',
    emptyTitle: 'Inga certifikat',
    emptyText: 'Ett certifikat släpper in en enhet utan lösenord: ATAK, WinTAK, en webbläsare på port 8443. Det utfärdas här och kan återkallas när som helst.',
    password: 'Lösenord för filerna',
    passwordHint: 'Efterfrågas när filen öppnas på enheten.',
    madeTitle: (name: string) => `Certifikat för ${name}`,
    once: 'Den privata nyckeln finns i den första filen och ingen annanstans. Spara filerna nu.',
    p12: 'Certifikat och nyckel (.p12)',
    truststore: 'Truststore för ATAK (.p12)',
    revokeTitle: (name: string) => `Återkalla certifikatet för ${name}?`,
    revokeText: (user: string) => `Enheten som tillhör ${user} kopplas från inom en sekund och kan inte komma tillbaka med det. Detta kan inte ångras.`,
    wasRevoked: (name: string) => `Certifikatet för ${name} är återkallat.`,
  },

  streams: {
    name: 'Ström',
    inOut: 'In / ut',
    faults: 'Skadat / hopp',
    faultsMean: 'Bildrutor som var skadade och utelämnades, och hur ofta en tittare var för långsam och hoppade framåt',
    none: 'Ingen ström är live.',
  },

  health: {
    allWell: 'Allt fungerar',
    sick: (n: number) => `${plural(n, 'sak behöver', 'saker behöver')} åtgärdas`,
    doors: 'Ingångar',
    parts: 'Delar',
    server: 'Server',
    open: 'Öppen',
    closed: 'Stängd',
    well: 'Fungerar',
    ill: 'Fel',
    fix: 'Åtgärd',
    name: 'Namn',
    version: 'Version',
    hostNames: 'Värdnamn',
    ca: 'CA-fingeravtryck',
    backup: 'Ladda ner säkerhetskopia',
  },
};
