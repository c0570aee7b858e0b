/** Magyar. A publish itt adás: rövid, gombra is kifér, és a csapatok is így mondják. */
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

const plural = plurals('hu');
const protocolOf = (name: string) => protocolName(name, 'Weboldal');

const sections = {
  people: 'Személyek',
  tokens: 'Tokenek és kulcsok',
  sessions: 'Munkamenetek',
  devices: 'Eszközök',
  enrolment: 'Regisztráció',
  certificates: 'Tanúsítványok',
  profiles: 'Profilok',
  streams: 'Adások',
  voice: 'Hangcsatornák',
  retention: 'Megőrzés',
  health: 'Állapot',
};

function titleOf(route: Route): string {
  switch (route.page) {
    case 'login':
      return 'Bejelentkezés · Muster';
    case 'reset':
      return 'Új jelszó · Muster';
    case 'map':
      return 'Térkép · Muster';
    case 'chat':
      return 'Csevegés · Muster';
    case 'files':
      return route.section === 'missions' ? 'Küldetések · Muster' : 'Fájlok · Muster';
    case 'wall':
      return 'Videó · Muster';
    case 'player':
      return `${route.name} · Muster`;
    case 'recordings':
      return 'Felvételek · Muster';
    case 'publish':
      return 'Adás · Muster';
    case 'admin':
      return `${sections[route.section]} · Muster`;
    case 'rooms':
    case 'room':
    case 'join':
      return roomTitle(route);
    case 'missing':
      return 'Nem található · Muster';
  }
}

export const hu: Catalogue = {
  titleOf,
  dateTime: (time: string | undefined) => {
    const text = dateTime(time);
    return text === '–' ? 'soha' : text;
  },
  protocol: protocolOf,
  action: (name: string) =>
    ({ publish: 'adást küld', read: 'néz', api: 'a konzolt használja', operate: 'kezel', admin: 'felügyel' })[name] ?? name,
  actions: { publish: 'Adás', read: 'Nézés', api: 'API használata', operate: 'Kezelés', admin: 'Felügyelet' },
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
    cancel: 'Mégse',
    close: 'Bezárás',
    save: 'Mentés',
    done: 'Kész',
    edit: 'Szerkesztés',
    remove: 'Eltávolítás',
    revoke: 'Visszavonás',
    dismiss: 'Elvetés',
    actions: 'Műveletek',
    loading: 'Betöltés…',
    tryAgain: 'Próbálja újra',
    copied: 'Másolva',
    copyOf: (what: string) => `Másolás: ${what}`,
    copyFailed: 'A böngésző nem engedte a másolást. Jelölje ki a szöveget, és másolja kézzel.',
    days: (n: number) => plural(n, 'nap', 'nap'),
  },

  errors: {
    unreachable: 'A kiszolgáló nem érhető el. Ellenőrizze a hálózatot; itt minden magától helyreáll.',
    notUnderstood: 'A kiszolgáló olyan választ küldött, amelyet ez a konzol nem ért. Töltse be újra az oldalt.',
    unknown: 'Itt valami hiba történt. Töltse be újra az oldalt, és próbálja meg ismét.',
    status: (status: number, retryAfter?: number): string => {
      if (status === 401) return 'Ön már nincs bejelentkezve.';
      if (status === 403) return 'Az Ön jogosultsága ezt nem engedi.';
      if (status === 404) return 'Ez (már) nem létezik.';
      if (status === 409) return 'Ez már létezik vagy használatban van.';
      if (status === 413) return 'Ez nagyobb, mint amit a kiszolgáló elfogad.';
      if (status === 429) return retryAfter ? `Túl sok próbálkozás. Várjon ${plural(retryAfter, 'másodpercet', 'másodpercet')}.` : 'Túl sok próbálkozás. Várjon egy kicsit.';
      if (status >= 500) return 'A kiszolgáló ezt nem tudta végrehajtani. Az okát a naplója tartalmazza.';
      return `A kiszolgáló ezt elutasította (állapotkód: ${status}).`;
    },
  },

  frame: {
    skip: 'Ugrás a tartalomhoz',
    home: 'Muster, a térképre',
    map: 'Térkép',
    chat: 'Csevegés',
    files: 'Fájlok',
    unread: (n: number) => `${n} új`,
    lenses: 'Nézetek',
    video: 'Videó',
    publish: 'Adás',
    admin: 'Admin',
    groups: 'Csoportok',
    groupsShown: (shown: number, all: number) => `Látható csoportok: ${shown}/${all}`,
    search: 'Ugrás…',
    clock: 'Helyi idő és Zulu-idő',
    connecting: 'Kapcsolódás…',
    noServer: 'Nincs kapcsolat a kiszolgálóval',
    notLoaded: 'Az oldal nem tölthető be: a kiszolgáló nem érhető el, vagy időközben frissítették.',
    reload: 'Újratöltés',
    reconnecting: (seconds: number) => `Újracsatlakozás: ${seconds} s`,
    state: { off: 'Offline', connecting: 'Kapcsolódás', live: 'Élő', waiting: 'Újracsatlakozás' },
    announce: {
      off: 'Offline',
      connecting: '',
      live: 'Élő: amit lát, az naprakész.',
      waiting: 'A kapcsolat megszakadt, és magától helyreáll. Amit lát, elavult lehet.',
    },
  },

  roles: { admin: 'Rendszergazda', operator: 'Kezelő', member: 'Tag' },
  roleMeans: {
    member: 'azt használja, amit a csoportok engednek',
    operator: 'a csoportok munkameneteit is látja és lezárja',
    admin: 'mindent',
  },

  menu: {
    label: (user: string) => `${user}: fiók és megjelenés`,
    theme: 'Megjelenés',
    themes: { dark: 'Sötét', light: 'Világos', system: 'Rendszer' },
    language: 'Nyelv',
    password: 'Jelszó módosítása',
    currentPassword: 'Jelenlegi jelszó',
    newPassword: 'Új jelszó',
    passwordChanged: 'A jelszó módosult.',
    logout: 'Kijelentkezés',
  },

  login: {
    title: 'Bejelentkezés a Musterbe',
    user: 'Név',
    password: 'Jelszó',
    show: 'Mutat',
    hide: 'Elrejt',
    submit: 'Bejelentkezés',
    busy: 'Bejelentkezés…',
    wrong: 'A név és a jelszó nem egyezik. Ellenőrizze mindkettőt; a kis- és nagybetű számít.',
    lost: 'Elveszett a jelszó? A rendszergazda újat állíthat be.',
    ...login,
  },

  palette: {
    title: 'Ugrás személyhez, adáshoz, helyhez, szobához vagy oldalhoz',
    placeholder: 'Személy, adás, szoba, oldal, 32T PT 81 37 vagy 47.27, 11.40',
    place: 'hely',
    contact: (user: string, connected: boolean) => `${user ? `${user}, ` : ''}${connected ? 'kapcsolódva' : 'nincs kapcsolat'}`,
    item: 'a térképen',
    room: 'csevegőszoba',
    mission: 'küldetés',
    account: 'fiók',
    results: 'Célok',
    page: 'oldal',
    stream: (user: string) => `élő, adó: ${user}`,
    nothing: 'Nincs ilyen nevű találat.',
  },

  missing: {
    title: 'Itt nincs semmi',
    text: 'A cím hibás, vagy az Ön jogosultsága nem terjed ki erre az oldalra.',
    back: 'A térképre',
  },

  wall: {
    title: 'Videó',
    count: (n: number) => plural(n, 'adás', 'adás'),
    filter: 'Szűrés név, személy, csoport szerint',
    filterShort: 'Szűrő',
    tiles: 'Csempék a képernyőn',
    auto: 'Auto',
    loading: 'Az adások betöltése…',
    noMatch: (text: string) => `Egyetlen élő adás sem felel meg ennek: „${text}”.`,
    allHidden: 'Van élő adás, de fent minden csoportjuk ki van kapcsolva.',
    showAll: 'Összes mutatása',
    movedTo: (name: string, position: number, all: number) => `${name} új helye: ${position}/${all}.`,
  },

  tile: {
    play: (name: string) => `${name} lejátszása ezen a csempén`,
    stop: (name: string) => `${name} leállítása ezen a csempén`,
    move: (name: string) => `${name} áthelyezése; nyílbillentyűkkel is`,
    moveHow: 'Húzással rendezhető; nyílbillentyűkkel is',
    viewers: (n: number) => `${n} néző`,
    age: (age: string) => `élő, ideje: ${age}`,
  },

  still: {
    noVideo: 'Csak hang',
    none: 'Várakozás az első kulcskockára',
    undecodable: 'Ez a böngésző ezt a kodeket nem tudja állóképként megjeleníteni',
    error: 'Nincs kép: a kiszolgáló nem válaszolt',
    loading: 'A kép betöltése…',
  },

  empty: {
    title: 'Nincs élő adás',
    text: 'Minden adás, amelyet valaki az Ön csoportjainak küld, azonnal megjelenik itt. Indítson egyet:',
    readOnly: 'Minden adás, amelyet valaki az Ön csoportjainak küld, azonnal megjelenik itt.',
    here: 'Ezzel az eszközzel',
    hereText: 'Kamera vagy képernyő, közvetlenül ebből a böngészőből. Telepíteni semmit sem kell.',
    ffmpeg: 'ffmpeggel',
    ffmpegText: 'Illessze be ezt a sort, és a PASSWORD helyére írja a jelszavát. A tesztkép helyett bármilyen bemenet megfelel: fájl, kamera.',
  },

  play: {
    playerOf: (name: string) => `Lejátszó: ${name}`,
    live: 'Élő',
    notPlaying: 'Nincs lejátszás',
    offline: 'Offline',
    stateWord: 'Állapot',
    figures: 'A lejátszás adatai',
    connecting: 'Kapcsolódás…',
    ended: 'Az adó leállt.',
    comesBack: 'A kép magától visszatér, amint az adás újraindul.',
    cannot: 'Ez itt nem játszható le',
    elsewhere: 'Más böngésző talán lejátssza; a VLC, az ffplay és az ATAK az itt felsorolt címekkel biztosan.',
    againIn: (seconds: number) => `Következő próba: ${seconds} s`,
    now: 'Próba most',
    play: 'Lejátszás',
    pause: 'Szünet',
    mute: 'Némítás',
    unmute: 'Hang be',
    noAudioTrack: 'Az adásnak nincs hangja',
    previous: 'Előző adás',
    next: 'Következő adás',
    full: 'Teljes képernyő',
    leaveFull: 'Kilépés a teljes képernyőből',
    noFullScreen: 'A böngésző nem engedte a teljes képernyőt.',
    pip: 'Kép a képben',
    noPip: 'A böngésző nem engedte a kép a képben módot.',
    snapshot: 'Pillanatkép',
    noSnapshot: 'Még nincs menthető kép.',
    snapshotSaved: (file: string) => `Pillanatkép mentve: ${file}`,
    keys: 'Billentyűzet',
    keyList: [
      ['Szóköz', 'szünet és folytatás élőben'],
      ['M', 'hang be és ki'],
      ['F', 'teljes képernyő'],
      ['P', 'kép a képben'],
      ['S', 'pillanatkép'],
      ['← →', 'előző és következő adás'],
      ['?', 'ez a lista'],
      ['Ctrl K', 'ugrás személyhez, adáshoz, helyhez vagy oldalhoz'],
    ],
    transport: 'Átvitel',
    transports,
    preferences: { auto: 'Automatikus', webrtc: 'WebRTC', hls: 'HLS' },
    latency: 'Késleltetés',
    rate: 'Sebesség',
    size: 'Kép',
    loss: 'Veszteség',
    insteadHls: (transport: 'webrtc' | 'hls', why: string) =>
      transport === 'hls' ? `Lejátszás HLS-en, néhány másodperc késéssel: ${why}` : `Lejátszás WebRTC-n: ${why}`,
    noTransport: (transport: 'webrtc' | 'hls') => `Ebben a böngészőben nincs ${transports[transport]}.`,
    cannotDecode: (codec: string, transport: 'webrtc' | 'hls') => `Ez a böngésző nem tudja dekódolni: ${codec} (${transports[transport]}).`,
    bFrames: 'Az adó B-kockákat küld, amelyeket a WebRTC nem tud átvinni (ffmpeg: -bf 0).',
    nothingToPlay: 'Az adásban sem kép, sem hang nincs.',
    noSound: (codec: string, transport: 'webrtc' | 'hls') =>
      transport === 'webrtc' ? `Nincs hang: a WebRTC nem tudja átvinni: ${codec}. A hanghoz válassza a HLS-t.` : `Nincs hang: ez a böngésző nem tudja dekódolni: ${codec}.`,
    noPicture: (transport: 'webrtc' | 'hls') =>
      transport === 'webrtc' ? 'WebRTC-n nem érkezett kép; a hálózat talán tiltja az UDP-t.' : 'HLS-en nem érkezett kép.',
    noAnswer: 'A kiszolgáló nem válaszolt időben.',
    iceFailed: 'A WebRTC hálózati útvonala megszakadt; az UDP tiltva lehet.',
    closedByServer: 'A kiszolgáló lezárta a munkamenetet.',
    stalled: 'Egy ideje nem érkeznek csomagok.',
    closed: 'Lezárva.',
    hlsFailed: (detail: string) => `A HLS leállt (${detail}).`,
  },

  card: {
    about: (name: string) => `Adatok: ${name}`,
    back: 'Összes videó',
    publisher: 'Adó',
    by: (protocol: string) => `protokoll: ${protocolOf(protocol)}`,
    since: 'Kezdete',
    tracks: 'Sávok',
    bFrames: 'B-kockákkal',
    rate: 'Sebesség',
    total: (bytes: string) => `(eddig ${bytes})`,
    viewers: 'Nézők',
    damaged: 'Sérült',
    damagedUnits: (n: number) => `${plural(n, 'képkocka', 'képkocka')} kihagyva`,
    offline: 'Ez az adás nem élő, vagy az Ön csoportjai nem érik el.',
    end: 'Adás lezárása',
    endTitle: (name: string) => `Lezárja ezt: ${name}?`,
    endText: (user: string) =>
      `A kapcsolat (${user || 'az adóé'}) megszakad, és minden néző elveszíti a képet. Az adó újra kapcsolódhat; ennek megelőzésére tiltsa le a felhasználót, vagy vonja vissza a kulcsot.`,
    ended: (name: string) => `${name} lezárva.`,
  },

  recordings: {
    title: 'Felvételek',
    of: (stream: string) => `Felvételek: ${stream}`,
    all: 'Minden adás felvételei',
    stream: 'Adás',
    when: 'Kezdet',
    length: 'Hossz',
    size: 'Méret',
    from: 'Forrás',
    open: 'folyamatban',
    play: 'Lejátszás',
    playing: (stream: string, time: string) => `${stream}, ${time}`,
    cannotPlay: 'Ez a böngésző nem tudja lejátszani; töltse le a VLC-hez vagy más lejátszóhoz.',
    download: 'Letöltés',
    remove: 'Törlés',
    removeTitle: (stream: string, time: string) => `Törli ezt a felvételt: ${stream}, ${time}?`,
    removeText: 'A fájl törlődik a kiszolgálóról. Ez nem vonható vissza.',
    removed: 'A felvétel törölve.',
    more: 'Régebbiek mutatása',
    emptyTitle: 'Nincs felvétel',
    emptyText: 'Egy adásról akkor készül felvétel, ha a konfiguráció előírja (media.paths, record: true), vagy ha egy kezelő elindítja az adás oldalán.',
    start: 'Felvétel',
    stop: 'Felvétel leállítása',
    state: 'Felvétel',
    mark: 'REC',
    on: (name: string) => `Felvétel készül az adás végéig: ${name}.`,
    off: (name: string) => `Már nem készül felvétel: ${name}.`,
  },

  addresses: {
    watch: 'Nézés máshol',
    publish: 'Adás máshonnan',
    of: (protocol: string, app: string) => `${protocolOf(protocol)}-cím ehhez: ${app}`,
    qr: 'QR-kód',
    qrOf: (protocol: string, app: string) => `A(z) ${protocolOf(protocol)}-cím QR-kódja ehhez: ${app}`,
    qrNeedsKey: 'A beolvasható kódhoz kulcs kell. Hozzon létre egyet lent, és minden itteni cím tartalmazni fogja.',
    keyText: 'Másik eszközhöz: kulcs, amely csak ezt az adást nyitja meg; a címekbe és a QR-kódokba kerül.',
    lifetime: 'Meddig érvényes a kulcs',
    makeKey: 'Kulcs létrehozása',
    hasKey: (day: string) => `Ezek a címek új kulcsot tartalmaznak, érvényes eddig: ${day}. Bárki használhatja, akinek ilyen címe van; visszavonható itt: Admin, Tokenek és kulcsok.`,
  },

  publish: {
    title: 'Adás erről az eszközről',
    fromHere: 'Adás erről az eszközről',
    preview: 'Előnézet',
    noPreview: 'Az előnézet akkor jelenik meg, ha a kamera vagy a képernyő be van kapcsolva.',
    soundOnly: 'Csak hang: nincs megjeleníthető kép.',
    show: 'Bekapcsolás',
    flip: 'Másik kamera',
    name: 'Az adás neve',
    nameHint: 'Betűk, számjegyek és . _ - ~, a részek között /',
    taken: (user: string) => `Ilyen nevű adás már élő, adó: ${user}.`,
    source: 'Mi kerül adásba',
    sources: { camera: 'Kamera', screen: 'Képernyő', none: 'Hang' },
    camera: 'Kamera',
    automatic: 'Automatikus',
    microphone: 'Mikrofonnal',
    whichMicrophone: 'Mikrofon',
    height: 'Kép',
    bitrate: 'Legfeljebb',
    codec: 'Kodek',
    codecHint: 'A H264 mindenhol lejátszható. VP8 ott, ahol az eszköz nem tud H264-et készíteni.',
    codecWord: 'Kodek',
    start: 'Adás indítása',
    stop: 'Adás leállítása',
    watchIt: 'Ahogy mások látják',
    off: 'Nincs adásban',
    live: 'Ön élőben van',
    starting: 'Kapcsolódás…',
    interrupted: 'Megszakadt',
    endedByServer: 'Az adást a kiszolgálón lezárták: egy kezelő, vagy mert az Ön jogosultsága megváltozott.',
    time: 'Ideje',
    up: 'Feltöltés',
    rtt: 'Körülfordulás',
    uplink: (loss: number, limit: 'none' | 'cpu' | 'bandwidth' | 'other'): string => {
      const drops = loss >= 0.005 ? `A feltöltési kapcsolat csomagvesztése ${percent(loss)}` : '';
      if (limit === 'bandwidth') return drops ? `${drops}; a képminőség csökkent.` : 'A feltöltési kapcsolat megtelt; a képminőség ehhez csökkent.';
      if (limit === 'cpu') return `${drops ? `${drops}. ` : ''}Az eszköz túl leterhelt a teljes képhez; a képminőség csökkent.`;
      return drops ? `${drops}.` : 'A feltöltési kapcsolat hibátlan.';
    },
    denied: 'A böngésző nem kapott engedélyt a kamera, a mikrofon vagy a képernyő használatára. Engedélyezze a címsor bal szélén, és próbálja újra.',
    noDevice: 'Itt nincs ilyen kamera vagy mikrofon. Csatlakoztasson egyet, vagy válasszon másikat.',
    busy: 'Egy másik program használja a kamerát vagy a mikrofont. Zárja be, és próbálja újra.',
    insecure: 'A böngészők csak HTTPS-en megnyitott oldalnak adnak kamerát és mikrofont. Nyissa meg ezt a kiszolgálót így: https://.',
  },

  nameFaults: {
    empty: 'Az adásnak név kell.',
    long: 'A név 160 karakternél hosszabb.',
    deep: 'A név nyolcnál több részből áll.',
    slash: 'A perjelnek két rész között kell állnia, nem a szélén és nem kettőzve.',
    dot: 'Egyik rész sem kezdődhet ponttal.',
    characters: 'Csak betűk, számjegyek és . _ - ~ használhatók, a részek között /.',
  },

  admin: {
    sections,
    filter: 'Szűrő',
    noMatch: 'Semmi sem felel meg a szűrőnek.',
  },

  people: {
    add: 'Személy hozzáadása',
    person: 'Személy',
    name: 'Bejelentkezési név',
    nameHint: 'Később nem módosítható.',
    fullName: 'Teljes név',
    password: 'Jelszó',
    passwordHint: 'Véletlenszerű javaslat. Többé nem jelenik meg: másolja ki most.',
    role: 'Szerepkör',
    lastLogin: 'Utolsó bejelentkezés',
    disabled: 'Letiltva',
    disable: 'Letiltva',
    disableText: 'A személy minden munkamenete egy másodpercen belül lezárul, minden protokollon.',
    notYourself: 'Saját magától nem vonhat meg jogot.',
    keepPassword: 'Hagyja üresen, ha a jelenlegit megtartja.',
    in: 'IN',
    out: 'OUT',
    inMeans: 'Küldhet a csoportnak',
    outMeans: 'Megkapja, ami a csoportban van',
    explain: 'IN: küldhet a csoportnak. OUT: megkapja, ami a csoportban van. A rendszergazdák minden adást látnak.',
    rights: (user: string, group: string) => `Jogok: ${user}, csoport: ${group}`,
    editTitle: (user: string) => `Szerkesztés: ${user}`,
    added: (user: string) => `${user} mostantól bejelentkezhet.`,
    saved: (user: string) => `${user} mentve.`,
    removeTitle: (user: string) => `Eltávolítja ezt: ${user}?`,
    removeText: 'A fiók, a tokenjei, kulcsai és tanúsítványai azonnal érvénytelenné válnak, és minden nyitott munkamenet lezárul. Ez nem vonható vissza; a letiltás igen.',
    removed: (user: string) => `${user} eltávolítva.`,
  },

  groups: {
    name: 'Új csoport',
    description: 'Mire szolgál',
    add: 'Csoport hozzáadása',
    members: (n: number) => plural(n, 'tag', 'tag'),
    added: (group: string) => `Csoport hozzáadva: ${group}.`,
    removeTitle: (group: string) => `Eltávolítja ezt a csoportot: ${group}?`,
    removeText: (members: number) =>
      `${plural(members, 'tag elveszíti', 'tag elveszíti')}, amit ez a csoport adott. A csak ehhez a csoporthoz tartozó adásokat ezután csak a rendszergazdák látják.`,
    removed: (group: string) => `Csoport eltávolítva: ${group}.`,
  },

  tokens: {
    add: 'Új token vagy kulcs',
    name: 'Név',
    nameHint: 'Mire szolgál: 2. drón, OBS a stúdióban',
    kind: 'Fajta',
    kinds: { token: 'Token', streamkey: 'Adáskulcs' },
    kindMeans: {
      streamkey: 'Címbe vagy az OBS kulcsmezőjébe kerül. Csak a lent megnevezett adásokat nyitja meg.',
      token: 'Szkriptekhez: az Authorization fejlécbe kerül.',
    },
    user: 'Személy',
    forUser: 'Kinek (üres: saját magának)',
    scope: 'Joga',
    mayDo: 'Mit tehet',
    streams: 'Adások',
    everyStream: 'minden adás',
    everything: 'Minden, amit a személy tehet',
    never: 'Visszavonásig',
    streamsHint: {
      streamkey: 'Nevek vagy minták, például uas/north/*; több is, vesszővel.',
      token: 'Nevek vagy minták, például uas/north/*; több is, vesszővel. Üres: minden adás, amelyet a személy elér.',
    },
    lifetime: 'Érvényesség',
    expires: 'Meddig',
    expired: 'Lejárt',
    lastUsed: 'Utolsó használat',
    make: 'Létrehozás',
    needsAction: 'Válasszon legalább egyet, amit tehet.',
    madeTitle: (name: string) => `${name} elkészült`,
    once: 'Ez egyszer jelenik meg, és olvashatóan sehol sem marad meg. Másolja ki vagy olvassa be most.',
    secret: 'A titok',
    kept: 'Megvan',
    emptyTitle: 'Nincs token és kulcs',
    emptyText: 'Adáskulccsal egy drón, az OBS vagy egy kamera jelszó nélkül küldhet adást; tokennel egy szkript használhatja az API-t. Mindkettő korlátozható, lejárhat és visszavonható.',
    revokeTitle: (name: string) => `Visszavonja ezt: ${name}?`,
    revokeText: 'Ami használja, egy másodpercen belül lekapcsolódik, és ezzel többé nem jut be.',
    revoked: (name: string) => `${name} visszavonva.`,
  },

  sessions: {
    who: 'Ki',
    does: 'Mit tesz',
    stream: 'Adás',
    by: 'Protokoll',
    from: 'Honnan',
    since: 'Ideje',
    nobody: 'névtelen',
    certificate: 'tanúsítvánnyal',
    token: 'tokennel',
    none: 'Nincs nyitott munkamenet.',
    failures: 'Sikertelen bejelentkezések',
    failure: (user: string, remote: string, protocol: string) => `${user || 'valaki'}, innen: ${remote || 'ismeretlen hely'}${protocol ? `, protokoll: ${protocol.toUpperCase()}` : ''}`,
    end: 'Lezárás',
    endTitle: (user: string) => `Lezárja ezt a munkamenetet (${user || 'névtelen'})?`,
    endText: 'A kapcsolat azonnal megszakad. A személy újra kapcsolódhat; ennek megelőzésére tiltsa le a személyt, vagy vonja vissza a tokent.',
    ended: (user: string) => `Munkamenet lezárva: ${user || 'névtelen'}.`,
  },

  certificates: {
    issue: 'Tanúsítvány kiállítása',
    ca: 'CA-tanúsítvány',
    device: 'Eszköz',
    deviceHint: '7. táblagép, rádiós kocsi',
    state: 'Állapot',
    valid: 'Érvényes',
    revoked: 'Visszavonva',
    issued: 'Kiállítva',
    fingerprint: 'Ujjlenyomat',
    emptyTitle: 'Nincs tanúsítvány',
    emptyText: 'Tanúsítvánnyal egy eszköz jelszó nélkül léphet be: ATAK, WinTAK, böngésző a 8443-as porton. Itt állítható ki, és bármikor visszavonható.',
    password: 'A fájlok jelszava',
    passwordHint: 'A fájl eszközön való megnyitásakor kell megadni.',
    madeTitle: (name: string) => `Tanúsítvány: ${name}`,
    once: 'A titkos kulcs az első fájlban van, sehol másutt nem marad meg. Mentse most a fájlokat.',
    p12: 'Tanúsítvány és kulcs (.p12)',
    truststore: 'Tanúsítványtár ATAK-hoz (.p12)',
    revokeTitle: (name: string) => `Visszavonja ezt a tanúsítványt: ${name}?`,
    revokeText: (user: string) => `Az eszköz (${user}) egy másodpercen belül lekapcsolódik, és ezzel többé nem jut be. Ez nem vonható vissza.`,
    wasRevoked: (name: string) => `Tanúsítvány visszavonva: ${name}.`,
  },

  streams: {
    name: 'Adás',
    inOut: 'Be / ki',
    faults: 'Sérült / ugrás',
    faultsMean: 'Sérülés miatt kihagyott képkockák, és hogy egy néző hányszor volt túl lassú és ugrott előre',
    none: 'Nincs élő adás.',
  },

  health: {
    allWell: 'Minden működik',
    sick: (n: number) => `${plural(n, 'dolog igényel', 'dolog igényel')} figyelmet`,
    doors: 'Bejáratok',
    parts: 'Részek',
    server: 'Kiszolgáló',
    open: 'Nyitva',
    closed: 'Zárva',
    well: 'Rendben',
    ill: 'Hibás',
    fix: 'Megoldás',
    name: 'Név',
    version: 'Verzió',
    hostNames: 'Gépnevek',
    ca: 'CA-ujjlenyomat',
    backup: 'Mentés letöltése',
  },
};
