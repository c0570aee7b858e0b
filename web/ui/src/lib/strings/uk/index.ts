/** Українська. */
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

const plural = plurals('uk');
const protocolOf = (name: string) => protocolName(name, 'Вебсторінка');

const sections = {
  people: 'Люди',
  tokens: 'Токени й ключі',
  sessions: 'Сеанси',
  devices: 'Пристрої',
  enrolment: 'Реєстрація',
  certificates: 'Сертифікати',
  profiles: 'Профілі',
  streams: 'Потоки',
  voice: 'Голосові канали',
  retention: 'Зберігання',
  health: 'Справність',
};

function titleOf(route: Route): string {
  switch (route.page) {
    case 'login':
      return 'Вхід · Muster';
    case 'reset':
      return 'Новий пароль · Muster';
    case 'map':
      return 'Мапа · Muster';
    case 'chat':
      return 'Чат · Muster';
    case 'files':
      return route.section === 'missions' ? 'Місії · Muster' : 'Файли · Muster';
    case 'wall':
      return 'Відео · Muster';
    case 'player':
      return `${route.name} · Muster`;
    case 'recordings':
      return 'Записи · Muster';
    case 'publish':
      return 'Передавання · Muster';
    case 'admin':
      return `${sections[route.section]} · Muster`;
    case 'rooms':
    case 'room':
    case 'join':
      return roomTitle(route);
    case 'missing':
      return 'Не знайдено · Muster';
  }
}

export const uk: Catalogue = {
  titleOf,
  dateTime: (time: string | undefined) => {
    const text = dateTime(time);
    return text === '–' ? 'ніколи' : text;
  },
  protocol: protocolOf,
  action: (name: string) =>
    ({ publish: 'передає', read: 'дивиться', api: 'користується консоллю', operate: 'оперує', admin: 'адмініструє' })[name] ?? name,
  actions: { publish: 'Передавати', read: 'Дивитися', api: 'Користуватися API', operate: 'Оперувати', admin: 'Адмініструвати' },
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
    cancel: 'Скасувати',
    close: 'Закрити',
    save: 'Зберегти',
    done: 'Готово',
    edit: 'Змінити',
    remove: 'Видалити',
    revoke: 'Відкликати',
    dismiss: 'Закрити',
    actions: 'Дії',
    loading: 'Завантаження…',
    tryAgain: 'Спробувати ще',
    copied: 'Скопійовано',
    copyOf: (what: string) => `Копіювати: ${what}`,
    copyFailed: 'Браузер не дозволив копіювання. Виділіть текст і скопіюйте вручну.',
    days: (n: number) => plural(n, 'день', 'дні', 'днів'),
  },

  errors: {
    unreachable: 'Сервер недоступний. Перевірте мережу; тут усе відновиться саме.',
    notUnderstood: 'Сервер надіслав відповідь, якої ця консоль не розуміє. Перезавантажте сторінку.',
    unknown: 'Тут щось пішло не так. Перезавантажте сторінку і спробуйте ще раз.',
    status: (status: number, retryAfter?: number): string => {
      if (status === 401) return 'Ваш сеанс завершено, увійдіть знову.';
      if (status === 403) return 'Ваші права цього не дозволяють.';
      if (status === 404) return 'Цього (більше) немає.';
      if (status === 409) return 'Це вже є або використовується.';
      if (status === 413) return 'Це більше, ніж приймає сервер.';
      if (status === 429) return retryAfter ? `Забагато спроб. Зачекайте ${plural(retryAfter, 'секунду', 'секунди', 'секунд')}.` : 'Забагато спроб. Зачекайте трохи.';
      if (status >= 500) return 'Сервер не зміг цього зробити. Причина в його журналі.';
      return `Сервер відмовив (статус ${status}).`;
    },
  },

  frame: {
    skip: 'Перейти до вмісту',
    home: 'Muster, до мапи',
    map: 'Мапа',
    chat: 'Чат',
    files: 'Файли',
    unread: (n: number) => `${n} нових`,
    lenses: 'Розділи',
    video: 'Відео',
    publish: 'Передавати',
    admin: 'Адмін',
    groups: 'Групи',
    groupsShown: (shown: number, all: number) => `Показано груп: ${shown}/${all}`,
    search: 'Перейти до…',
    clock: 'Місцевий час і час Зулу',
    connecting: 'З’єднання…',
    noServer: 'Немає зв’язку із сервером',
    notLoaded: 'Не вдалося завантажити сторінку: сервер недоступний або його щойно оновлено.',
    reload: 'Оновити',
    reconnecting: (seconds: number) => `З’єднання через ${seconds} s`,
    state: { off: 'Офлайн', connecting: 'З’єднання', live: 'Наживо', waiting: 'З’єднання' },
    announce: {
      off: 'Офлайн',
      connecting: '',
      live: 'Наживо: те, що ви бачите, актуальне.',
      waiting: 'Зв’язок втрачено, він відновиться сам. Те, що ви бачите, може бути застарілим.',
    },
  },

  roles: { admin: 'Адміністратор', operator: 'Оператор', member: 'Учасник' },
  roleMeans: {
    member: 'користується тим, що дозволяють групи',
    operator: 'також бачить і завершує сеанси груп',
    admin: 'усе',
  },

  menu: {
    label: (user: string) => `${user}: обліковий запис і вигляд`,
    theme: 'Вигляд',
    themes: { dark: 'Темний', light: 'Світлий', system: 'Система' },
    language: 'Мова',
    password: 'Змінити пароль',
    currentPassword: 'Поточний пароль',
    newPassword: 'Новий пароль',
    passwordChanged: 'Пароль змінено.',
    logout: 'Вийти',
  },

  login: {
    title: 'Вхід до Muster',
    user: 'Ім’я',
    password: 'Пароль',
    show: 'Показати',
    hide: 'Сховати',
    submit: 'Увійти',
    busy: 'Вхід…',
    wrong: 'Ім’я та пароль не збігаються. Перевірте обидва; великі літери мають значення.',
    lost: 'Забули пароль? Адміністратор може встановити новий.',
    ...login,
  },

  palette: {
    title: 'Перейти до особи, потоку, місця, кімнати або сторінки',
    placeholder: 'Особа, потік, кімната, сторінка, 32T PT 81 37 або 47.27, 11.40',
    place: 'місце',
    contact: (user: string, connected: boolean) => `${user ? `${user}, ` : ''}${connected ? 'на зв’язку' : 'не на зв’язку'}`,
    item: 'на мапі',
    room: 'кімната чату',
    mission: 'місія',
    account: 'обліковий запис',
    results: 'Куди перейти',
    page: 'сторінка',
    stream: (user: string) => `наживо, від ${user}`,
    nothing: 'Нічого з такою назвою.',
  },

  missing: {
    title: 'Тут нічого немає',
    text: 'Адреса неправильна, або ваших прав недостатньо для цієї сторінки.',
    back: 'До мапи',
  },

  wall: {
    title: 'Відео',
    count: (n: number) => plural(n, 'потік', 'потоки', 'потоків'),
    filter: 'Фільтр: назва, особа, група',
    filterShort: 'Фільтр',
    tiles: 'Плиток на екрані',
    auto: 'Авто',
    loading: 'Завантаження потоків…',
    noMatch: (text: string) => `Жоден потік наживо не відповідає «${text}».`,
    allHidden: 'Потоки наживо є, але всі їхні групи вимкнено вгорі.',
    showAll: 'Показати всі',
    movedTo: (name: string, position: number, all: number) => `${name} тепер на місці ${position} з ${all}.`,
  },

  tile: {
    play: (name: string) => `Відтворити ${name} у цій плитці`,
    stop: (name: string) => `Зупинити ${name} у цій плитці`,
    move: (name: string) => `Перемістити ${name}; можна стрілками`,
    moveHow: 'Перетягніть; можна стрілками',
    viewers: (n: number) => plural(n, 'глядач', 'глядачі', 'глядачів'),
    age: (age: string) => `наживо вже ${age}`,
  },

  still: {
    noVideo: 'Лише звук',
    none: 'Очікування першого ключового кадру',
    undecodable: 'Цей браузер не може показати стоп-кадр цього кодека',
    error: 'Немає зображення: сервер не відповів',
    loading: 'Завантаження зображення…',
  },

  empty: {
    title: 'Потоків наживо немає',
    text: 'Кожен потік, що передають вашим групам, з’являється тут одразу. Почніть свій:',
    readOnly: 'Кожен потік, що передають вашим групам, з’являється тут одразу.',
    here: 'З цього пристрою',
    hereText: 'Камера або екран, просто з цього браузера. Нічого не треба встановлювати.',
    ffmpeg: 'З ffmpeg',
    ffmpegText: 'Вставте цей рядок і замість PASSWORD впишіть свій пароль. Замість тестового зображення може бути будь-яке джерело: файл, камера.',
  },

  play: {
    playerOf: (name: string) => `Програвач: ${name}`,
    live: 'Наживо',
    notPlaying: 'Не відтворюється',
    offline: 'Офлайн',
    stateWord: 'Стан',
    figures: 'Показники відтворення',
    connecting: 'З’єднання…',
    ended: 'Передавання припинено.',
    comesBack: 'Зображення повернеться саме, коли повернеться потік.',
    cannot: 'Тут це не відтворити',
    elsewhere: 'Можливо, зможе інший браузер; VLC, ffplay та ATAK зможуть за адресами, наведеними тут.',
    againIn: (seconds: number) => `Наступна спроба через ${seconds} s`,
    now: 'Спробувати зараз',
    play: 'Відтворити',
    pause: 'Пауза',
    mute: 'Без звуку',
    unmute: 'Зі звуком',
    noAudioTrack: 'У потоці немає звуку',
    previous: 'Попередній потік',
    next: 'Наступний потік',
    full: 'Повний екран',
    leaveFull: 'Вийти з повного екрана',
    noFullScreen: 'Браузер не дозволив повний екран.',
    pip: 'Картинка в картинці',
    noPip: 'Браузер не дозволив картинку в картинці.',
    snapshot: 'Знімок',
    noSnapshot: 'Ще немає зображення для знімка.',
    snapshotSaved: (file: string) => `Знімок збережено: ${file}`,
    keys: 'Клавіатура',
    keyList: [
      ['Пробіл', 'пауза і далі наживо'],
      ['M', 'звук увімкнути і вимкнути'],
      ['F', 'повний екран'],
      ['P', 'картинка в картинці'],
      ['S', 'знімок'],
      ['← →', 'попередній і наступний потік'],
      ['?', 'цей список'],
      ['Ctrl K', 'перейти до особи, потоку, місця або сторінки'],
    ],
    transport: 'Транспорт',
    transports,
    preferences: { auto: 'Автоматично', webrtc: 'WebRTC', hls: 'HLS' },
    latency: 'Затримка',
    rate: 'Бітрейт',
    size: 'Картинка',
    loss: 'Втрати',
    insteadHls: (transport: 'webrtc' | 'hls', why: string) =>
      transport === 'hls' ? `Відтворення через HLS, із затримкою в кілька секунд: ${why}` : `Відтворення через WebRTC: ${why}`,
    noTransport: (transport: 'webrtc' | 'hls') => `Цей браузер не має ${transports[transport]}.`,
    cannotDecode: (codec: string, transport: 'webrtc' | 'hls') => `Цей браузер не може декодувати ${codec} через ${transports[transport]}.`,
    bFrames: 'Джерело надсилає B-кадри, яких WebRTC не передає (ffmpeg: -bf 0).',
    nothingToPlay: 'У потоці немає ні зображення, ні звуку.',
    noSound: (codec: string, transport: 'webrtc' | 'hls') =>
      transport === 'webrtc' ? `Звуку немає: WebRTC не передає ${codec}. Виберіть HLS, щоб почути.` : `Звуку немає: цей браузер не може декодувати ${codec}.`,
    noPicture: (transport: 'webrtc' | 'hls') =>
      transport === 'webrtc' ? 'Через WebRTC не надійшло зображення; можливо, мережа блокує UDP.' : 'Через HLS не надійшло зображення.',
    noAnswer: 'Сервер не відповів вчасно.',
    iceFailed: 'Мережевий шлях WebRTC обірвався; можливо, UDP заблоковано.',
    closedByServer: 'Сервер завершив сеанс.',
    stalled: 'Якийсь час не надходили пакети.',
    closed: 'Закрито.',
    hlsFailed: (detail: string) => `HLS зупинився (${detail}).`,
  },

  card: {
    about: (name: string) => `Про ${name}`,
    back: 'Усе відео',
    publisher: 'Передає',
    by: (protocol: string) => `через ${protocolOf(protocol)}`,
    since: 'З',
    tracks: 'Доріжки',
    bFrames: 'з B-кадрами',
    rate: 'Бітрейт',
    total: (bytes: string) => `(уже ${bytes})`,
    viewers: 'Глядачі',
    damaged: 'Пошкоджено',
    damagedUnits: (n: number) => plural(n, 'кадр пропущено', 'кадри пропущено', 'кадрів пропущено'),
    offline: 'Цей потік не наживо, або ваші групи його не бачать.',
    end: 'Завершити потік',
    endTitle: (name: string) => `Завершити ${name}?`,
    endText: (user: string) =>
      `З’єднання ${user || 'джерела'} буде закрито, і всі глядачі втратять зображення. Джерело може під’єднатися знову; щоб не допустити цього, заблокуйте особу або відкличте ключ.`,
    ended: (name: string) => `${name} завершено.`,
  },

  recordings: {
    title: 'Записи',
    of: (stream: string) => `Записи потоку ${stream}`,
    all: 'Записи всіх потоків',
    stream: 'Потік',
    when: 'Початок',
    length: 'Тривалість',
    size: 'Розмір',
    from: 'Від',
    open: 'триває',
    play: 'Відтворити',
    playing: (stream: string, time: string) => `${stream}, ${time}`,
    cannotPlay: 'Цей браузер не може його відтворити; завантажте для VLC або іншого програвача.',
    download: 'Завантажити',
    remove: 'Видалити',
    removeTitle: (stream: string, time: string) => `Видалити запис ${stream}, ${time}?`,
    removeText: 'Файл буде видалено із сервера. Цього не можна скасувати.',
    removed: 'Запис видалено.',
    more: 'Показати давніші',
    emptyTitle: 'Нічого не записано',
    emptyText: 'Потік записується, коли так каже конфігурація (media.paths, record: true) або коли оператор вмикає запис на сторінці потоку.',
    start: 'Записувати',
    stop: 'Зупинити запис',
    state: 'Іде запис',
    mark: 'REC',
    on: (name: string) => `${name} записується, доки потік не закінчиться.`,
    off: (name: string) => `${name} більше не записується.`,
  },

  addresses: {
    watch: 'Дивитися деінде',
    publish: 'Передавати звідки інде',
    of: (protocol: string, app: string) => `Адреса ${protocolOf(protocol)} для ${app}`,
    qr: 'QR-код',
    qrOf: (protocol: string, app: string) => `QR-код адреси ${protocolOf(protocol)} для ${app}`,
    qrNeedsKey: 'Код для сканування має містити ключ. Створіть його нижче, і він буде в кожній адресі тут.',
    keyText: 'Для іншого пристрою: ключ, що відкриває лише цей потік; він увійде в адреси та QR-коди.',
    lifetime: 'Строк дії ключа',
    makeKey: 'Створити ключ',
    hasKey: (day: string) => `Ці адреси містять новий ключ, дійсний до ${day}. Ним може скористатися кожен, хто має адресу; відкликати можна в розділі «Адмін», «Токени й ключі».`,
  },

  publish: {
    title: 'Передавати з цього пристрою',
    fromHere: 'Передавати з цього пристрою',
    preview: 'Перегляд',
    noPreview: 'Перегляд з’явиться, коли увімкнено камеру або екран.',
    soundOnly: 'Лише звук: показувати нічого.',
    show: 'Увімкнути',
    flip: 'Інша камера',
    name: 'Назва потоку',
    nameHint: 'Літери, цифри та . _ - ~, частини через /',
    taken: (user: string) => `Потік із такою назвою вже наживо, від ${user}.`,
    source: 'Що передавати',
    sources: { camera: 'Камера', screen: 'Екран', none: 'Звук' },
    camera: 'Камера',
    automatic: 'Автоматично',
    microphone: 'З мікрофоном',
    whichMicrophone: 'Мікрофон',
    height: 'Картинка',
    bitrate: 'Не більше',
    codec: 'Кодек',
    codecHint: 'H264 відтворюється всюди. VP8 — якщо пристрій не вміє H264.',
    codecWord: 'Кодек',
    start: 'Почати передавання',
    stop: 'Зупинити передавання',
    watchIt: 'Побачити як інші',
    off: 'Не передається',
    live: 'Ви наживо',
    starting: 'З’єднання…',
    interrupted: 'Перервано',
    endedByServer: 'Потік завершено на сервері: це зробив оператор або змінилися ваші права.',
    time: 'Вже',
    up: 'Віддача',
    rtt: 'Туди й назад',
    uplink: (loss: number, limit: 'none' | 'cpu' | 'bandwidth' | 'other'): string => {
      const drops = loss >= 0.005 ? `Ваш канал втрачає ${percent(loss)} пакетів` : '';
      if (limit === 'bandwidth') return drops ? `${drops}; зображення зменшено.` : 'Ваш канал заповнено; зображення зменшено.';
      if (limit === 'cpu') return `${drops ? `${drops}. ` : ''}Пристрій занадто завантажений для повного зображення; його зменшено.`;
      return drops ? `${drops}.` : 'Канал без втрат.';
    },
    denied: 'Браузер не має дозволу на камеру, мікрофон або екран. Надайте дозвіл зліва в адресному рядку і спробуйте ще раз.',
    noDevice: 'Тут немає такої камери чи мікрофона. Під’єднайте або виберіть інший.',
    busy: 'Камеру або мікрофон використовує інша програма. Закрийте її і спробуйте ще раз.',
    insecure: 'Браузери дають камеру та мікрофон лише сторінкам через HTTPS. Відкрийте цей сервер з https://.',
  },

  nameFaults: {
    empty: 'Потік повинен мати назву.',
    long: 'Назва довша за 160 символів.',
    deep: 'У назві більш як вісім частин.',
    slash: 'Скісна риска має стояти між двома частинами, не з краю і не двічі.',
    dot: 'Жодна частина не може починатися з крапки.',
    characters: 'Дозволено лише літери, цифри та . _ - ~, а між частинами — /.',
  },

  admin: {
    sections,
    filter: 'Фільтр',
    noMatch: 'Фільтру ніщо не відповідає.',
  },

  people: {
    add: 'Додати особу',
    person: 'Особа',
    name: 'Ім’я для входу',
    nameHint: 'Пізніше змінити не можна.',
    fullName: 'Повне ім’я',
    password: 'Пароль',
    passwordHint: 'Запропоновано випадково. Більше не буде показано: скопіюйте зараз.',
    role: 'Роль',
    lastLogin: 'Останній вхід',
    disabled: 'Заблоковано',
    disable: 'Заблоковано',
    disableText: 'Усі сеанси цієї особи буде закрито за секунду, на всіх протоколах.',
    notYourself: 'Ви не можете забрати права в себе.',
    keepPassword: 'Залиште порожнім, щоб зберегти поточний.',
    in: 'IN',
    out: 'OUT',
    inMeans: 'Може передавати групі',
    outMeans: 'Отримує те, що є в групі',
    explain: 'IN: може передавати групі. OUT: отримує те, що є в групі. Адміністратори бачать усі потоки.',
    rights: (user: string, group: string) => `Права ${user} у ${group}`,
    editTitle: (user: string) => `Змінити ${user}`,
    added: (user: string) => `${user} тепер може увійти.`,
    saved: (user: string) => `${user}: збережено.`,
    removeTitle: (user: string) => `Видалити ${user}?`,
    removeText: 'Обліковий запис, його токени, ключі та сертифікати одразу перестануть діяти, усі відкриті сеанси буде закрито. Це незворотно; блокування можна скасувати.',
    removed: (user: string) => `${user}: видалено.`,
  },

  groups: {
    name: 'Нова група',
    description: 'Для чого вона',
    add: 'Додати групу',
    members: (n: number) => plural(n, 'учасник', 'учасники', 'учасників'),
    added: (group: string) => `Групу ${group} додано.`,
    removeTitle: (group: string) => `Видалити групу ${group}?`,
    removeText: (members: number) =>
      `${plural(members, 'учасник втратить', 'учасники втратять', 'учасників втратять')} те, що давала ця група. Потоки, які належать лише цій групі, бачитимуть тільки адміністратори.`,
    removed: (group: string) => `Групу ${group} видалено.`,
  },

  tokens: {
    add: 'Новий токен або ключ',
    name: 'Назва',
    nameHint: 'Для чого: дрон 2, OBS у студії',
    kind: 'Вид',
    kinds: { token: 'Токен', streamkey: 'Ключ потоку' },
    kindMeans: {
      streamkey: 'Входить в адресу або в поле ключа OBS. Відкриває лише потоки, названі нижче.',
      token: 'Для скриптів: іде в заголовок Authorization.',
    },
    user: 'Особа',
    forUser: 'Для (порожньо: ви)',
    scope: 'Може',
    mayDo: 'Може',
    streams: 'Потоки',
    everyStream: 'усі потоки',
    everything: 'Усе, що може особа',
    never: 'До відкликання',
    streamsHint: {
      streamkey: 'Назви або шаблони, як-от uas/north/*; кілька через кому.',
      token: 'Назви або шаблони, як-от uas/north/*; кілька через кому. Порожньо: усі потоки, доступні особі.',
    },
    lifetime: 'Дійсний',
    expires: 'До',
    expired: 'Строк минув',
    lastUsed: 'Останнє використання',
    make: 'Створити',
    needsAction: 'Виберіть хоча б одну дію.',
    madeTitle: (name: string) => `${name} готово`,
    once: 'Це показано один раз і ніде не зберігається відкрито. Скопіюйте або відскануйте зараз.',
    secret: 'Секрет',
    kept: 'Збережено',
    emptyTitle: 'Немає ні токенів, ні ключів',
    emptyText: 'Ключ потоку дає дрону, OBS або камері передавати без пароля; токен дає скрипту користуватися API. Їх можна обмежити й відкликати, вони мають строк дії.',
    revokeTitle: (name: string) => `Відкликати ${name}?`,
    revokeText: 'Усе, що ним користується, буде від’єднано за секунду і більше з ним не повернеться.',
    revoked: (name: string) => `${name}: відкликано.`,
  },

  sessions: {
    who: 'Хто',
    does: 'Що робить',
    stream: 'Потік',
    by: 'Через',
    from: 'Звідки',
    since: 'Вже',
    nobody: 'анонім',
    certificate: 'із сертифікатом',
    token: 'з токеном',
    none: 'Нічого не відкрито.',
    failures: 'Невдалі входи',
    failure: (user: string, remote: string, protocol: string) => `${user || 'хтось'} з ${remote || 'невідомо звідки'}${protocol ? ` через ${protocol.toUpperCase()}` : ''}`,
    end: 'Завершити',
    endTitle: (user: string) => `Завершити цей сеанс ${user || 'аноніма'}?`,
    endText: 'З’єднання закриється одразу. Особа може під’єднатися знову; щоб не допустити цього, заблокуйте її або відкличте токен.',
    ended: (user: string) => `Сеанс ${user || 'аноніма'} завершено.`,
  },

  certificates: {
    issue: 'Видати сертифікат',
    ca: 'Сертифікат ЦС',
    device: 'Пристрій',
    deviceHint: 'планшет 7, машина зв’язку',
    state: 'Стан',
    valid: 'Дійсний',
    revoked: 'Відкликано',
    issued: 'Видано',
    fingerprint: 'Відбиток',
    emptyTitle: 'Сертифікатів немає',
    emptyText: 'Сертифікат впускає пристрій без пароля: ATAK, WinTAK, браузер на порту 8443. Його видають тут, і його можна будь-коли відкликати.',
    password: 'Пароль файлів',
    passwordHint: 'Потрібен, коли файл відкривають на пристрої.',
    madeTitle: (name: string) => `Сертифікат для ${name}`,
    once: 'Приватний ключ — у першому файлі й більше ніде. Збережіть файли зараз.',
    p12: 'Сертифікат і ключ (.p12)',
    truststore: 'Сховище довіри для ATAK (.p12)',
    revokeTitle: (name: string) => `Відкликати сертифікат ${name}?`,
    revokeText: (user: string) => `Пристрій ${user} буде від’єднано за секунду, і він більше не повернеться з ним. Це незворотно.`,
    wasRevoked: (name: string) => `Сертифікат ${name} відкликано.`,
  },

  streams: {
    name: 'Потік',
    inOut: 'Вхід / вихід',
    faults: 'Пошкодж. / стрибки',
    faultsMean: 'Кадри, пропущені через пошкодження, і скільки разів глядач не встигав і перескакував уперед',
    none: 'Потоків наживо немає.',
  },

  health: {
    allWell: 'Усе працює',
    sick: (n: number) => plural(n, 'пункт потребує уваги', 'пункти потребують уваги', 'пунктів потребують уваги'),
    doors: 'Входи',
    parts: 'Частини',
    server: 'Сервер',
    open: 'Відкрито',
    closed: 'Закрито',
    well: 'Гаразд',
    ill: 'Збій',
    fix: 'Як виправити',
    name: 'Назва',
    version: 'Версія',
    hostNames: 'Імена хостів',
    ca: 'Відбиток ЦС',
    backup: 'Скачати резервну копію',
  },
};
