/** Polski. Zdania są bezosobowe lub z „proszę”, przyciski mają tryb rozkazujący. */
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

const plural = plurals('pl');
const protocolOf = (name: string) => protocolName(name, 'Strona WWW');

const sections = {
  people: 'Osoby',
  tokens: 'Tokeny i klucze',
  sessions: 'Sesje',
  devices: 'Urządzenia',
  enrolment: 'Rejestracja',
  certificates: 'Certyfikaty',
  profiles: 'Profile',
  streams: 'Transmisje',
  voice: 'Kanały głosowe',
  retention: 'Przechowywanie',
  health: 'Kondycja',
};

function titleOf(route: Route): string {
  switch (route.page) {
    case 'login':
      return 'Logowanie · Muster';
    case 'reset':
      return 'Nowe hasło · Muster';
    case 'map':
      return 'Mapa · Muster';
    case 'chat':
      return 'Czat · Muster';
    case 'files':
      return route.section === 'missions' ? 'Misje · Muster' : 'Pliki · Muster';
    case 'wall':
      return 'Wideo · Muster';
    case 'player':
      return `${route.name} · Muster`;
    case 'recordings':
      return 'Nagrania · Muster';
    case 'publish':
      return 'Nadawanie · Muster';
    case 'admin':
      return `${sections[route.section]} · Muster`;
    case 'rooms':
    case 'room':
    case 'join':
      return roomTitle(route);
    case 'missing':
      return 'Nie znaleziono · Muster';
  }
}

export const pl: Catalogue = {
  titleOf,
  dateTime: (time: string | undefined) => {
    const text = dateTime(time);
    return text === '–' ? 'nigdy' : text;
  },
  protocol: protocolOf,
  action: (name: string) =>
    ({ publish: 'nadaje', read: 'ogląda', api: 'używa konsoli', operate: 'operuje', admin: 'administruje' })[name] ?? name,
  actions: { publish: 'Nadawanie', read: 'Oglądanie', api: 'Użycie API', operate: 'Operowanie', admin: 'Administracja' },
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
    cancel: 'Anuluj',
    close: 'Zamknij',
    save: 'Zapisz',
    done: 'Gotowe',
    edit: 'Edytuj',
    remove: 'Usuń',
    revoke: 'Unieważnij',
    dismiss: 'Zamknij',
    actions: 'Działania',
    loading: 'Wczytywanie…',
    tryAgain: 'Ponów próbę',
    copied: 'Skopiowano',
    copyOf: (what: string) => `Kopiuj: ${what}`,
    copyFailed: 'Przeglądarka nie pozwoliła na kopiowanie. Proszę zaznaczyć tekst i skopiować ręcznie.',
    days: (n: number) => plural(n, 'dzień', 'dni', 'dni'),
  },

  errors: {
    unreachable: 'Serwer jest nieosiągalny. Proszę sprawdzić sieć; wszystko tutaj samo wróci.',
    notUnderstood: 'Serwer przysłał odpowiedź, której ta konsola nie rozumie. Proszę odświeżyć stronę.',
    unknown: 'Coś się tu nie udało. Proszę odświeżyć stronę i spróbować ponownie.',
    status: (status: number, retryAfter?: number): string => {
      if (status === 401) return 'Sesja wygasła, proszę się zalogować.';
      if (status === 403) return 'Uprawnienia na to nie pozwalają.';
      if (status === 404) return 'Tego (już) nie ma.';
      if (status === 409) return 'To już istnieje albo jest w użyciu.';
      if (status === 413) return 'To jest większe, niż przyjmuje serwer.';
      if (status === 429) return retryAfter ? `Zbyt wiele prób. Proszę odczekać ${plural(retryAfter, 'sekundę', 'sekundy', 'sekund')}.` : 'Zbyt wiele prób. Proszę chwilę odczekać.';
      if (status >= 500) return 'Serwer nie mógł tego zrobić. Powód jest w jego dzienniku.';
      return `Serwer odmówił (status ${status}).`;
    },
  },

  frame: {
    skip: 'Przejdź do treści',
    home: 'Muster, do mapy',
    map: 'Mapa',
    chat: 'Czat',
    files: 'Pliki',
    unread: (n: number) => plural(n, 'nowa', 'nowe', 'nowych'),
    lenses: 'Widoki',
    video: 'Wideo',
    publish: 'Nadawaj',
    admin: 'Admin',
    groups: 'Grupy',
    groupsShown: (shown: number, all: number) => `Pokazane grupy: ${shown}/${all}`,
    search: 'Idź do…',
    clock: 'Czas lokalny i czas Zulu',
    connecting: 'Łączenie…',
    noServer: 'Brak połączenia z serwerem',
    notLoaded: 'Nie udało się wczytać tej strony: serwer jest nieosiągalny albo właśnie go zaktualizowano.',
    reload: 'Odśwież',
    reconnecting: (seconds: number) => `Połączenie za ${seconds} s`,
    state: { off: 'Offline', connecting: 'Łączenie', live: 'Na żywo', waiting: 'Łączenie' },
    announce: {
      off: 'Offline',
      connecting: '',
      live: 'Na żywo: obraz jest aktualny.',
      waiting: 'Połączenie zostało zerwane i samo wróci. Widoczne dane mogą być stare.',
    },
  },

  roles: { admin: 'Administrator', operator: 'Operator', member: 'Członek' },
  roleMeans: {
    member: 'używa tego, na co pozwalają grupy',
    operator: 'widzi też i kończy sesje grup',
    admin: 'wszystko',
  },

  menu: {
    label: (user: string) => `${user}: konto i wygląd`,
    theme: 'Wygląd',
    themes: { dark: 'Ciemny', light: 'Jasny', system: 'System' },
    language: 'Język',
    password: 'Zmień hasło',
    currentPassword: 'Obecne hasło',
    newPassword: 'Nowe hasło',
    passwordChanged: 'Hasło jest zmienione.',
    logout: 'Wyloguj',
  },

  login: {
    title: 'Logowanie do Muster',
    user: 'Nazwa',
    password: 'Hasło',
    show: 'Pokaż',
    hide: 'Ukryj',
    submit: 'Zaloguj',
    busy: 'Logowanie…',
    wrong: 'Nazwa i hasło nie pasują do siebie. Proszę sprawdzić oba; wielkość liter ma znaczenie.',
    lost: 'Hasło zginęło? Administrator może ustawić nowe.',
    ...login,
  },

  palette: {
    title: 'Idź do osoby, transmisji, miejsca, pokoju lub strony',
    placeholder: 'Osoba, transmisja, pokój, strona, 32T PT 81 37 lub 47.27, 11.40',
    place: 'miejsce',
    contact: (user: string, connected: boolean) => `${user ? `${user}, ` : ''}${connected ? 'połączony' : 'niepołączony'}`,
    item: 'na mapie',
    room: 'pokój czatu',
    mission: 'misja',
    account: 'konto',
    results: 'Dokąd iść',
    page: 'strona',
    stream: (user: string) => `na żywo, od ${user}`,
    nothing: 'Nic o tej nazwie.',
  },

  missing: {
    title: 'Tu nic nie ma',
    text: 'Adres jest błędny albo uprawnienia nie sięgają tej strony.',
    back: 'Do mapy',
  },

  wall: {
    title: 'Wideo',
    count: (n: number) => plural(n, 'transmisja', 'transmisje', 'transmisji'),
    filter: 'Filtr: nazwa, osoba, grupa',
    filterShort: 'Filtr',
    tiles: 'Kafelki na ekranie',
    auto: 'Auto',
    loading: 'Wczytywanie transmisji…',
    noMatch: (text: string) => `Żadna transmisja na żywo nie pasuje do „${text}”.`,
    allHidden: 'Są transmisje na żywo, ale wszystkie ich grupy są wyżej wyłączone.',
    showAll: 'Pokaż wszystkie',
    movedTo: (name: string, position: number, all: number) => `${name} jest teraz na miejscu ${position} z ${all}.`,
  },

  tile: {
    play: (name: string) => `Odtwórz ${name} w tym kafelku`,
    stop: (name: string) => `Zatrzymaj ${name} w tym kafelku`,
    move: (name: string) => `Przesuń ${name}; także strzałkami`,
    moveHow: 'Przeciąganie układa kafelki; także strzałkami',
    viewers: (n: number) => plural(n, 'widz', 'widzów', 'widzów'),
    age: (age: string) => `na żywo od ${age}`,
  },

  still: {
    noVideo: 'Tylko dźwięk',
    none: 'Oczekiwanie na pierwszą klatkę kluczową',
    undecodable: 'Ta przeglądarka nie pokaże tego kodeka jako obrazu',
    error: 'Brak obrazu: serwer nie odpowiedział',
    loading: 'Wczytywanie obrazu…',
  },

  empty: {
    title: 'Brak transmisji na żywo',
    text: 'Każda transmisja nadawana do Państwa grup pojawia się tu od razu. Można rozpocząć własną:',
    readOnly: 'Każda transmisja nadawana do Państwa grup pojawia się tu od razu.',
    here: 'Z tego urządzenia',
    hereText: 'Kamera lub ekran, prosto z tej przeglądarki. Nic do instalowania.',
    ffmpeg: 'Z ffmpeg',
    ffmpegText: 'Proszę wkleić ten wiersz i wstawić swoje hasło zamiast PASSWORD. Zamiast obrazu testowego może być dowolne źródło: plik, kamera.',
  },

  play: {
    playerOf: (name: string) => `Odtwarzacz: ${name}`,
    live: 'Na żywo',
    notPlaying: 'Nie odtwarza',
    offline: 'Offline',
    stateWord: 'Stan',
    figures: 'Parametry odtwarzania',
    connecting: 'Łączenie…',
    ended: 'Nadawca zakończył.',
    comesBack: 'Obraz wróci sam, gdy wróci transmisja.',
    cannot: 'Tutaj nie da się tego odtworzyć',
    elsewhere: 'Inna przeglądarka może to potrafić; VLC, ffplay i ATAK potrafią z podanymi tu adresami.',
    againIn: (seconds: number) => `Następna próba za ${seconds} s`,
    now: 'Spróbuj teraz',
    play: 'Odtwórz',
    pause: 'Pauza',
    mute: 'Wycisz',
    unmute: 'Włącz dźwięk',
    noAudioTrack: 'Transmisja nie ma dźwięku',
    previous: 'Poprzednia transmisja',
    next: 'Następna transmisja',
    full: 'Pełny ekran',
    leaveFull: 'Wyjdź z pełnego ekranu',
    noFullScreen: 'Przeglądarka nie pozwoliła na pełny ekran.',
    pip: 'Obraz w obrazie',
    noPip: 'Przeglądarka nie pozwoliła na obraz w obrazie.',
    snapshot: 'Zrzut',
    noSnapshot: 'Nie ma jeszcze obrazu do zapisania.',
    snapshotSaved: (file: string) => `Zapisano zrzut: ${file}`,
    keys: 'Klawiatura',
    keyList: [
      ['Spacja', 'pauza i dalej na żywo'],
      ['M', 'dźwięk włącz i wyłącz'],
      ['F', 'pełny ekran'],
      ['P', 'obraz w obrazie'],
      ['S', 'zrzut'],
      ['← →', 'poprzednia i następna transmisja'],
      ['?', 'ta lista'],
      ['Ctrl K', 'idź do osoby, transmisji, miejsca lub strony'],
    ],
    transport: 'Transport',
    transports,
    preferences: { auto: 'Automatycznie', webrtc: 'WebRTC', hls: 'HLS' },
    latency: 'Opóźnienie',
    rate: 'Bitrate',
    size: 'Obraz',
    loss: 'Straty',
    insteadHls: (transport: 'webrtc' | 'hls', why: string) =>
      transport === 'hls' ? `Odtwarza przez HLS, kilka sekund opóźnienia: ${why}` : `Odtwarza przez WebRTC: ${why}`,
    noTransport: (transport: 'webrtc' | 'hls') => `Ta przeglądarka nie ma ${transports[transport]}.`,
    cannotDecode: (codec: string, transport: 'webrtc' | 'hls') => `Ta przeglądarka nie dekoduje ${codec} przez ${transports[transport]}.`,
    bFrames: 'Nadawca wysyła klatki B, których WebRTC nie przenosi (ffmpeg: -bf 0).',
    nothingToPlay: 'Transmisja nie ma ani obrazu, ani dźwięku.',
    noSound: (codec: string, transport: 'webrtc' | 'hls') =>
      transport === 'webrtc' ? `Brak dźwięku: WebRTC nie przenosi ${codec}. Aby go słyszeć, proszę wybrać HLS.` : `Brak dźwięku: ta przeglądarka nie dekoduje ${codec}.`,
    noPicture: (transport: 'webrtc' | 'hls') =>
      transport === 'webrtc' ? 'Przez WebRTC nie nadszedł obraz; sieć może blokować UDP.' : 'Przez HLS nie nadszedł obraz.',
    noAnswer: 'Serwer nie odpowiedział na czas.',
    iceFailed: 'Droga sieciowa WebRTC się zerwała; UDP może być zablokowane.',
    closedByServer: 'Serwer zakończył sesję.',
    stalled: 'Przez chwilę nie przychodziły pakiety.',
    closed: 'Zamknięto.',
    hlsFailed: (detail: string) => `HLS zatrzymał się (${detail}).`,
  },

  card: {
    about: (name: string) => `O ${name}`,
    back: 'Całe wideo',
    publisher: 'Nadawca',
    by: (protocol: string) => `przez ${protocolOf(protocol)}`,
    since: 'Od',
    tracks: 'Ścieżki',
    bFrames: 'z klatkami B',
    rate: 'Bitrate',
    total: (bytes: string) => `(dotąd ${bytes})`,
    viewers: 'Widzowie',
    damaged: 'Uszkodzone',
    damagedUnits: (n: number) => plural(n, 'klatka pominięta', 'klatki pominięte', 'klatek pominiętych'),
    offline: 'Ta transmisja nie jest na żywo albo grupy jej nie sięgają.',
    end: 'Zakończ transmisję',
    endTitle: (name: string) => `Zakończyć ${name}?`,
    endText: (user: string) =>
      `Połączenie ${user || 'nadawcy'} zostanie zamknięte i wszyscy widzowie stracą obraz. Nadawca może połączyć się ponownie; aby temu zapobiec, proszę zablokować osobę albo unieważnić klucz.`,
    ended: (name: string) => `Zakończono: ${name}.`,
  },

  recordings: {
    title: 'Nagrania',
    of: (stream: string) => `Nagrania transmisji ${stream}`,
    all: 'Nagrania wszystkich transmisji',
    stream: 'Transmisja',
    when: 'Początek',
    length: 'Długość',
    size: 'Rozmiar',
    from: 'Od',
    open: 'trwa',
    play: 'Odtwórz',
    playing: (stream: string, time: string) => `${stream}, ${time}`,
    cannotPlay: 'Ta przeglądarka nie może go odtworzyć; pobierz je dla VLC lub innego odtwarzacza.',
    download: 'Pobierz',
    remove: 'Usuń',
    removeTitle: (stream: string, time: string) => `Usunąć nagranie ${stream}, ${time}?`,
    removeText: 'Plik zostanie usunięty z serwera. Tego nie można cofnąć.',
    removed: 'Nagranie jest usunięte.',
    more: 'Pokaż starsze',
    emptyTitle: 'Nic nie nagrano',
    emptyText: 'Transmisja jest nagrywana, gdy mówi tak konfiguracja (media.paths, record: true) albo gdy operator włączy to na stronie transmisji.',
    start: 'Nagrywaj',
    stop: 'Zatrzymaj nagrywanie',
    state: 'Trwa nagrywanie',
    mark: 'REC',
    on: (name: string) => `${name} jest nagrywana do końca.`,
    off: (name: string) => `${name} nie jest już nagrywana.`,
  },

  addresses: {
    watch: 'Oglądaj gdzie indziej',
    publish: 'Nadawaj skądinąd',
    of: (protocol: string, app: string) => `Adres ${protocolOf(protocol)} dla ${app}`,
    qr: 'Kod QR',
    qrOf: (protocol: string, app: string) => `Kod QR adresu ${protocolOf(protocol)} dla ${app}`,
    qrNeedsKey: 'Kod do skanowania musi zawierać klucz. Proszę utworzyć go poniżej, a będzie w każdym adresie tutaj.',
    keyText: 'Dla innego urządzenia: klucz, który otwiera tylko tę transmisję, wstawiony w adresy i kody QR.',
    lifetime: 'Jak długo klucz jest ważny',
    makeKey: 'Utwórz klucz',
    hasKey: (day: string) => `Te adresy zawierają nowy klucz, ważny do ${day}. Kto ma adres, może go użyć; unieważnić można go w Admin, Tokeny i klucze.`,
  },

  publish: {
    title: 'Nadawaj z tego urządzenia',
    fromHere: 'Nadawaj z tego urządzenia',
    preview: 'Podgląd',
    noPreview: 'Podgląd pojawi się, gdy kamera lub ekran są włączone.',
    soundOnly: 'Tylko dźwięk: nie ma obrazu do pokazania.',
    show: 'Włącz',
    flip: 'Inna kamera',
    name: 'Nazwa transmisji',
    nameHint: 'Litery, cyfry i . _ - ~, części łączone przez /',
    taken: (user: string) => `Transmisja o tej nazwie jest na żywo, od ${user}.`,
    source: 'Co nadawać',
    sources: { camera: 'Kamera', screen: 'Ekran', none: 'Dźwięk' },
    camera: 'Kamera',
    automatic: 'Automatycznie',
    microphone: 'Z mikrofonem',
    whichMicrophone: 'Mikrofon',
    height: 'Obraz',
    bitrate: 'Najwyżej',
    codec: 'Kodek',
    codecHint: 'H264 działa wszędzie. VP8, gdy urządzenie nie tworzy H264.',
    codecWord: 'Kodek',
    start: 'Zacznij nadawać',
    stop: 'Zakończ nadawanie',
    watchIt: 'Zobacz jak inni',
    off: 'Nie nadaje',
    live: 'Nadaje na żywo',
    starting: 'Łączenie…',
    interrupted: 'Przerwano',
    endedByServer: 'Transmisję zakończono na serwerze: zrobił to operator albo zmieniły się uprawnienia.',
    time: 'Od',
    up: 'W górę',
    rtt: 'Tam i z powrotem',
    uplink: (loss: number, limit: 'none' | 'cpu' | 'bandwidth' | 'other'): string => {
      const drops = loss >= 0.005 ? `Łącze wysyłania gubi ${percent(loss)} pakietów` : '';
      if (limit === 'bandwidth') return drops ? `${drops}; obraz zmniejszono.` : 'Łącze wysyłania jest pełne; obraz zmniejszono.';
      if (limit === 'cpu') return `${drops ? `${drops}. ` : ''}To urządzenie jest zbyt obciążone na pełny obraz; zmniejszono go.`;
      return drops ? `${drops}.` : 'Łącze jest czyste.';
    },
    denied: 'Przeglądarka nie dostała zgody na kamerę, mikrofon lub ekran. Proszę zezwolić po lewej stronie paska adresu i spróbować ponownie.',
    noDevice: 'Nie ma tu takiej kamery ani mikrofonu. Proszę podłączyć albo wybrać inne.',
    busy: 'Inny program używa kamery lub mikrofonu. Proszę go zamknąć i spróbować ponownie.',
    insecure: 'Przeglądarki dają kamerę i mikrofon tylko stronom otwartym przez HTTPS. Proszę otworzyć ten serwer z https://.',
  },

  nameFaults: {
    empty: 'Transmisja musi mieć nazwę.',
    long: 'Nazwa ma ponad 160 znaków.',
    deep: 'Nazwa ma ponad osiem części.',
    slash: 'Ukośnik stoi między dwiema częściami, nie na końcu i nie podwójnie.',
    dot: 'Żadna część nie może zaczynać się kropką.',
    characters: 'Dozwolone są tylko litery, cyfry i . _ - ~, a między częściami /.',
  },

  admin: {
    sections,
    filter: 'Filtr',
    noMatch: 'Nic nie pasuje do filtra.',
  },

  people: {
    add: 'Dodaj osobę',
    person: 'Osoba',
    name: 'Nazwa logowania',
    nameHint: 'Później nie można jej zmienić.',
    fullName: 'Imię i nazwisko',
    password: 'Hasło',
    passwordHint: 'Propozycja losowa. Nie będzie już pokazane: proszę skopiować je teraz.',
    role: 'Rola',
    lastLogin: 'Ostatnie logowanie',
    disabled: 'Zablokowano',
    disable: 'Zablokowano',
    disableText: 'Każda sesja tej osoby zostanie zamknięta w ciągu sekundy, na każdym protokole.',
    notYourself: 'Nie można odebrać uprawnień samemu sobie.',
    keepPassword: 'Puste pole zachowuje obecne.',
    in: 'IN',
    out: 'OUT',
    inMeans: 'Może nadawać do grupy',
    outMeans: 'Odbiera to, co ma grupa',
    explain: 'IN: może nadawać do grupy. OUT: odbiera to, co ma grupa. Administratorzy widzą każdą transmisję.',
    rights: (user: string, group: string) => `Uprawnienia ${user} w ${group}`,
    editTitle: (user: string) => `Edytuj ${user}`,
    added: (user: string) => `${user} może się teraz zalogować.`,
    saved: (user: string) => `Zapisano: ${user}.`,
    removeTitle: (user: string) => `Usunąć ${user}?`,
    removeText: 'Konto, jego tokeny, klucze i certyfikaty od razu przestaną działać, a każda otwarta sesja zostanie zamknięta. Tego nie można cofnąć; blokadę można.',
    removed: (user: string) => `Usunięto: ${user}.`,
  },

  groups: {
    name: 'Nowa grupa',
    description: 'Do czego służy',
    add: 'Dodaj grupę',
    members: (n: number) => plural(n, 'członek', 'członków', 'członków'),
    added: (group: string) => `Grupa ${group} jest dodana.`,
    removeTitle: (group: string) => `Usunąć grupę ${group}?`,
    removeText: (members: number) =>
      `${plural(members, 'członek straci', 'członków straci', 'członków straci')} to, co dawała ta grupa. Transmisje należące tylko do tej grupy będą widzieć tylko administratorzy.`,
    removed: (group: string) => `Grupa ${group} jest usunięta.`,
  },

  tokens: {
    add: 'Nowy token lub klucz',
    name: 'Nazwa',
    nameHint: 'Do czego: dron 2, OBS w studiu',
    kind: 'Rodzaj',
    kinds: { token: 'Token', streamkey: 'Klucz transmisji' },
    kindMeans: {
      streamkey: 'Wstawia się go w adres albo w pole klucza OBS. Otwiera tylko transmisje podane niżej.',
      token: 'Dla skryptów: w nagłówku Authorization.',
    },
    user: 'Osoba',
    forUser: 'Dla (puste: dla siebie)',
    scope: 'Może',
    mayDo: 'Może',
    streams: 'Transmisje',
    everyStream: 'każda transmisja',
    everything: 'Wszystko, co może osoba',
    never: 'Do unieważnienia',
    streamsHint: {
      streamkey: 'Nazwy lub wzorce, np. uas/north/*; kilka po przecinku.',
      token: 'Nazwy lub wzorce, np. uas/north/*; kilka po przecinku. Puste: każda transmisja dostępna dla osoby.',
    },
    lifetime: 'Ważny przez',
    expires: 'Do',
    expired: 'Wygasł',
    lastUsed: 'Ostatnie użycie',
    make: 'Utwórz',
    needsAction: 'Proszę wybrać co najmniej jedną rzecz, którą może.',
    madeTitle: (name: string) => `${name} gotowe`,
    once: 'To jest pokazane raz i nigdzie nie jest przechowywane jawnie. Proszę skopiować lub zeskanować teraz.',
    secret: 'Sekret',
    kept: 'Mam to',
    emptyTitle: 'Brak tokenów i kluczy',
    emptyText: 'Klucz transmisji pozwala dronowi, OBS lub kamerze nadawać bez hasła; token pozwala skryptowi używać API. Oba można ograniczyć i unieważnić, oba wygasają.',
    revokeTitle: (name: string) => `Unieważnić ${name}?`,
    revokeText: 'To, co go używa, zostanie rozłączone w ciągu sekundy i nie wróci z nim.',
    revoked: (name: string) => `Unieważniono: ${name}.`,
  },

  sessions: {
    who: 'Kto',
    does: 'Co robi',
    stream: 'Transmisja',
    by: 'Przez',
    from: 'Skąd',
    since: 'Od',
    nobody: 'anonim',
    certificate: 'z certyfikatem',
    token: 'z tokenem',
    none: 'Nic nie jest otwarte.',
    failures: 'Nieudane logowania',
    failure: (user: string, remote: string, protocol: string) => `${user || 'ktoś'} z ${remote || 'nieznanego miejsca'}${protocol ? ` przez ${protocol.toUpperCase()}` : ''}`,
    end: 'Zakończ',
    endTitle: (user: string) => `Zakończyć tę sesję ${user || 'anonima'}?`,
    endText: 'Połączenie zostanie od razu zamknięte. Osoba może połączyć się ponownie; aby temu zapobiec, proszę ją zablokować albo unieważnić token.',
    ended: (user: string) => `Sesja ${user || 'anonima'} została zakończona.`,
  },

  certificates: {
    issue: 'Wydaj certyfikat',
    ca: 'Certyfikat CA',
    device: 'Urządzenie',
    deviceHint: 'tablet 7, wóz łączności',
    state: 'Stan',
    valid: 'Ważny',
    revoked: 'Unieważniony',
    issued: 'Wydano',
    fingerprint: 'Odcisk',
    emptyTitle: 'Brak certyfikatów',
    emptyText: 'Certyfikat wpuszcza urządzenie bez hasła: ATAK, WinTAK, przeglądarkę na porcie 8443. Wydaje się go tutaj i można go w każdej chwili unieważnić.',
    password: 'Hasło plików',
    passwordHint: 'Potrzebne przy otwieraniu pliku na urządzeniu.',
    madeTitle: (name: string) => `Certyfikat dla ${name}`,
    once: 'Klucz prywatny jest w pierwszym pliku i nigdzie indziej. Proszę zapisać pliki teraz.',
    p12: 'Certyfikat i klucz (.p12)',
    truststore: 'Magazyn zaufania dla ATAK (.p12)',
    revokeTitle: (name: string) => `Unieważnić certyfikat ${name}?`,
    revokeText: (user: string) => `Urządzenie ${user} zostanie rozłączone w ciągu sekundy i nie wróci z nim. Tego nie można cofnąć.`,
    wasRevoked: (name: string) => `Certyfikat ${name} jest unieważniony.`,
  },

  streams: {
    name: 'Transmisja',
    inOut: 'Wej. / wyj.',
    faults: 'Uszkodz. / skoki',
    faultsMean: 'Klatki pominięte, bo były uszkodzone, i ile razy widz nie nadążał i przeskoczył do przodu',
    none: 'Brak transmisji na żywo.',
  },

  health: {
    allWell: 'Wszystko działa',
    sick: (n: number) => plural(n, 'rzecz wymaga uwagi', 'rzeczy wymagają uwagi', 'rzeczy wymaga uwagi'),
    doors: 'Wejścia',
    parts: 'Części',
    server: 'Serwer',
    open: 'Otwarte',
    closed: 'Zamknięte',
    well: 'Dobrze',
    ill: 'Usterka',
    fix: 'Naprawa',
    name: 'Nazwa',
    version: 'Wersja',
    hostNames: 'Nazwy hostów',
    ca: 'Odcisk CA',
    backup: 'Pobierz kopię zapasową',
  },
};
