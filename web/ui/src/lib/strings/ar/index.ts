/** العربية. الأرقام لاتينية كما في الإحداثيات والأوقات. */
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

const plural = plurals('ar-u-nu-latn');
const protocolOf = (name: string) => protocolName(name, 'صفحة ويب');

/** يعزل الأسماء والأرقام اللاتينية كي لا يختل ترتيبها داخل النص العربي. */
const iso = (text: string) => `\u2068${text}\u2069`;

const sections = {
  people: 'المستخدمون',
  tokens: 'الرموز المميزة والمفاتيح',
  sessions: 'الجلسات',
  devices: 'الأجهزة',
  enrolment: 'تسجيل الأجهزة',
  certificates: 'الشهادات',
  profiles: 'ملفات الإعداد',
  streams: 'البثوث',
  voice: 'القنوات الصوتية',
  retention: 'الاحتفاظ بالبيانات',
  health: 'حالة النظام',
};

function titleOf(route: Route): string {
  switch (route.page) {
    case 'login':
      return 'تسجيل الدخول · Muster';
    case 'reset':
      return 'كلمة مرور جديدة · Muster';
    case 'map':
      return 'الخريطة · Muster';
    case 'chat':
      return 'الدردشة · Muster';
    case 'files':
      return route.section === 'missions' ? 'المهام · Muster' : 'الملفات · Muster';
    case 'wall':
      return 'الفيديو · Muster';
    case 'player':
      return `${route.name} · Muster`;
    case 'recordings':
      return 'التسجيلات · Muster';
    case 'publish':
      return 'البث · Muster';
    case 'admin':
      return `${sections[route.section]} · Muster`;
    case 'rooms':
    case 'room':
    case 'join':
      return roomTitle(route);
    case 'missing':
      return 'غير موجود · Muster';
  }
}

export const ar: Catalogue = {
  titleOf,
  dateTime: (time: string | undefined) => {
    const text = dateTime(time);
    return text === '–' ? 'أبدًا' : text;
  },
  protocol: protocolOf,
  action: (name: string) =>
    ({ publish: 'يبث', read: 'يشاهد', api: 'يستخدم لوحة التحكم', operate: 'يشغّل', admin: 'يدير' })[name] ?? name,
  actions: { publish: 'البث', read: 'المشاهدة', api: 'استخدام API', operate: 'التشغيل', admin: 'الإدارة' },
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
    cancel: 'إلغاء',
    close: 'إغلاق',
    save: 'حفظ',
    done: 'تم',
    edit: 'تعديل',
    remove: 'إزالة',
    revoke: 'إبطال',
    dismiss: 'إغلاق',
    actions: 'إجراءات',
    loading: 'جارٍ التحميل…',
    tryAgain: 'إعادة المحاولة',
    copied: 'تم النسخ',
    copyOf: (what: string) => `نسخ: ${iso(what)}`,
    copyFailed: 'لم يسمح المتصفح بالنسخ. حدّد النص وانسخه يدويًا.',
    days: (n: number) => plural(n, 'يوم', 'أيام', 'يومًا'),
  },

  errors: {
    unreachable: 'لا يمكن الوصول إلى الخادم. تحقق من الشبكة؛ يعود كل شيء هنا تلقائيًا.',
    notUnderstood: 'أرسل الخادم ردًا لا تفهمه لوحة التحكم. أعد تحميل الصفحة.',
    unknown: 'حدث خطأ هنا. أعد تحميل الصفحة وحاول مرة أخرى.',
    status: (status: number, retryAfter?: number): string => {
      if (status === 401) return 'لم تعد مسجّل الدخول.';
      if (status === 403) return 'صلاحياتك لا تسمح بذلك.';
      if (status === 404) return 'هذا غير موجود (أو لم يعد موجودًا).';
      if (status === 409) return 'هذا موجود مسبقًا أو قيد الاستخدام.';
      if (status === 413) return 'هذا أكبر مما يقبله الخادم.';
      if (status === 429) return retryAfter ? `محاولات كثيرة. انتظر ${plural(retryAfter, 'ثانية', 'ثوانٍ', 'ثانية')}.` : 'محاولات كثيرة. انتظر قليلًا.';
      if (status >= 500) return 'تعذّر على الخادم تنفيذ ذلك. السبب في سجله.';
      return `رفض الخادم ذلك (الحالة ${status}).`;
    },
  },

  frame: {
    skip: 'تخطَّ إلى المحتوى',
    home: 'Muster، إلى الخريطة',
    map: 'الخريطة',
    chat: 'الدردشة',
    files: 'الملفات',
    unread: (n: number) => `${n} جديد`,
    lenses: 'طرق العرض',
    video: 'الفيديو',
    publish: 'البث',
    admin: 'الإدارة',
    groups: 'المجموعات',
    groupsShown: (shown: number, all: number) => `المجموعات المعروضة: \u2066${shown}/${all}\u2069`,
    search: 'انتقال إلى…',
    clock: 'التوقيت المحلي وتوقيت زولو',
    connecting: 'جارٍ الاتصال…',
    noServer: 'لا اتصال بالخادم',
    notLoaded: 'تعذّر تحميل هذه الصفحة: لا يمكن الوصول إلى الخادم أو جرت ترقيته في هذه الأثناء.',
    reload: 'إعادة التحميل',
    reconnecting: (seconds: number) => `إعادة الاتصال ${seconds} ث`,
    state: { off: 'غير متصل', connecting: 'جارٍ الاتصال', live: 'مباشر', waiting: 'إعادة الاتصال' },
    announce: {
      off: 'غير متصل',
      connecting: '',
      live: 'مباشر: ما تراه محدَّث.',
      waiting: 'انقطع الاتصال وسيعود تلقائيًا. قد يكون ما تراه قديمًا.',
    },
  },

  roles: { admin: 'مسؤول', operator: 'مشغّل', member: 'عضو' },
  roleMeans: {
    member: 'يستخدم ما تسمح به المجموعات',
    operator: 'يرى جلسات المجموعات وينهيها أيضًا',
    admin: 'كل شيء',
  },

  menu: {
    label: (user: string) => `${iso(user)}: الحساب والمظهر`,
    theme: 'المظهر',
    themes: { dark: 'داكن', light: 'فاتح', system: 'النظام' },
    language: 'اللغة',
    password: 'تغيير كلمة المرور',
    currentPassword: 'كلمة المرور الحالية',
    newPassword: 'كلمة المرور الجديدة',
    passwordChanged: 'تم تغيير كلمة المرور.',
    logout: 'تسجيل الخروج',
  },

  login: {
    title: 'تسجيل الدخول إلى Muster',
    user: 'الاسم',
    password: 'كلمة المرور',
    show: 'إظهار',
    hide: 'إخفاء',
    submit: 'تسجيل الدخول',
    busy: 'جارٍ تسجيل الدخول…',
    wrong: 'الاسم وكلمة المرور غير متطابقين. تحقق من كليهما؛ حالة الأحرف مهمة.',
    lost: 'فقدت كلمة المرور؟ يمكن لأحد المسؤولين تعيين كلمة جديدة.',
    ...login,
  },

  palette: {
    title: 'الانتقال إلى شخص أو بث أو مكان أو غرفة أو صفحة',
    placeholder: 'شخص، بث، غرفة، صفحة، \u206632T PT 81 37\u2069 أو \u206647.27, 11.40\u2069',
    place: 'مكان',
    contact: (user: string, connected: boolean) => `${user ? `${iso(user)}، ` : ''}${connected ? 'متصل' : 'غير متصل'}`,
    item: 'على الخريطة',
    room: 'غرفة دردشة',
    mission: 'مهمة',
    account: 'حساب',
    results: 'الوجهات',
    page: 'صفحة',
    stream: (user: string) => `مباشر، من ${iso(user)}`,
    nothing: 'لا شيء بهذا الاسم.',
  },

  missing: {
    title: 'لا شيء هنا',
    text: 'العنوان خاطئ، أو لا تصل صلاحياتك إلى هذه الصفحة.',
    back: 'إلى الخريطة',
  },

  wall: {
    title: 'الفيديو',
    count: (n: number) => plural(n, 'بث', 'بثوث', 'بث'),
    filter: 'تصفية بالاسم أو الشخص أو المجموعة',
    filterShort: 'تصفية',
    tiles: 'عدد النوافذ على الشاشة',
    auto: 'تلقائي',
    loading: 'جارٍ تحميل البثوث…',
    noMatch: (text: string) => `لا يوجد بث مباشر يطابق «${iso(text)}».`,
    allHidden: 'توجد بثوث مباشرة، لكن كل مجموعاتها مخفية في الأعلى.',
    showAll: 'عرض الكل',
    movedTo: (name: string, position: number, all: number) => `${iso(name)} الآن في الموضع ${position} من ${all}.`,
  },

  tile: {
    play: (name: string) => `تشغيل ${iso(name)} في هذه النافذة`,
    stop: (name: string) => `إيقاف ${iso(name)} في هذه النافذة`,
    move: (name: string) => `نقل ${iso(name)}؛ تعمل مفاتيح الأسهم أيضًا`,
    moveHow: 'اسحب للترتيب؛ تعمل مفاتيح الأسهم أيضًا',
    viewers: (n: number) => `المشاهدون: ${n}`,
    age: (age: string) => `مباشر منذ ${iso(age)}`,
  },

  still: {
    noVideo: 'صوت فقط',
    none: 'في انتظار أول إطار رئيسي',
    undecodable: 'لا يستطيع هذا المتصفح عرض هذا الترميز كصورة ثابتة',
    error: 'لا صورة: لم يرد الخادم',
    loading: 'جارٍ تحميل الصورة…',
  },

  empty: {
    title: 'لا يوجد بث مباشر',
    text: 'كل بث يُرسل إلى مجموعاتك يظهر هنا لحظة بدئه. ابدأ بثًا:',
    readOnly: 'كل بث يُرسل إلى مجموعاتك يظهر هنا لحظة بدئه.',
    here: 'بهذا الجهاز',
    hereText: 'الكاميرا أو الشاشة مباشرة من هذا المتصفح. لا حاجة إلى تثبيت شيء.',
    ffmpeg: 'باستخدام ffmpeg',
    ffmpegText: 'الصق هذا السطر وضع كلمة مرورك مكان PASSWORD. يمكن أن يحل محل صورة الاختبار أي مصدر: ملف أو كاميرا.',
  },

  play: {
    playerOf: (name: string) => `المشغّل: ${iso(name)}`,
    live: 'مباشر',
    notPlaying: 'لا يعمل',
    offline: 'غير متصل',
    stateWord: 'الحالة',
    figures: 'بيانات التشغيل',
    connecting: 'جارٍ الاتصال…',
    ended: 'توقفت جهة البث.',
    comesBack: 'تعود الصورة تلقائيًا حين يعود البث.',
    cannot: 'لا يمكن تشغيل هذا هنا',
    elsewhere: 'قد يشغّله متصفح آخر؛ وتشغّله VLC وffplay وATAK بالعناوين المذكورة هنا.',
    againIn: (seconds: number) => `المحاولة التالية بعد ${seconds} ث`,
    now: 'المحاولة الآن',
    play: 'تشغيل',
    pause: 'إيقاف مؤقت',
    mute: 'كتم الصوت',
    unmute: 'تشغيل الصوت',
    noAudioTrack: 'البث بلا صوت',
    previous: 'البث السابق',
    next: 'البث التالي',
    full: 'ملء الشاشة',
    leaveFull: 'إنهاء ملء الشاشة',
    noFullScreen: 'لم يسمح المتصفح بملء الشاشة.',
    pip: 'صورة داخل صورة',
    noPip: 'لم يسمح المتصفح بصورة داخل صورة.',
    snapshot: 'لقطة',
    noSnapshot: 'لا توجد صورة لالتقاطها بعد.',
    snapshotSaved: (file: string) => `حُفظت اللقطة: ${iso(file)}`,
    keys: 'لوحة المفاتيح',
    keyList: [
      ['المسافة', 'إيقاف مؤقت ومتابعة المباشر'],
      ['M', 'تشغيل الصوت وكتمه'],
      ['F', 'ملء الشاشة'],
      ['P', 'صورة داخل صورة'],
      ['S', 'لقطة'],
      ['\u2066← →\u2069', 'البث السابق والتالي'],
      ['?', 'هذه القائمة'],
      ['Ctrl K', 'الانتقال إلى شخص أو بث أو مكان أو صفحة'],
    ],
    transport: 'النقل',
    transports,
    preferences: { auto: 'تلقائي', webrtc: 'WebRTC', hls: 'HLS' },
    latency: 'التأخير',
    rate: 'المعدل',
    size: 'الصورة',
    loss: 'الفاقد',
    insteadHls: (transport: 'webrtc' | 'hls', why: string) =>
      transport === 'hls' ? `التشغيل عبر HLS بتأخر بضع ثوانٍ: ${why}` : `التشغيل عبر WebRTC: ${why}`,
    noTransport: (transport: 'webrtc' | 'hls') => `هذا المتصفح لا يدعم ${transports[transport]}.`,
    cannotDecode: (codec: string, transport: 'webrtc' | 'hls') => `لا يستطيع هذا المتصفح فك ترميز ${iso(codec)} عبر ${transports[transport]}.`,
    bFrames: 'ترسل جهة البث إطارات B التي لا يستطيع WebRTC نقلها (\u2066ffmpeg: -bf 0\u2069).',
    nothingToPlay: 'ليس في البث صورة ولا صوت.',
    noSound: (codec: string, transport: 'webrtc' | 'hls') =>
      transport === 'webrtc' ? `لا صوت: لا يستطيع WebRTC نقل ${iso(codec)}. اختر HLS لسماعه.` : `لا صوت: لا يستطيع هذا المتصفح فك ترميز ${iso(codec)}.`,
    noPicture: (transport: 'webrtc' | 'hls') =>
      transport === 'webrtc' ? 'لم تصل صورة عبر WebRTC؛ ربما تحجب الشبكة UDP.' : 'لم تصل صورة عبر HLS.',
    noAnswer: 'لم يرد الخادم في الوقت المناسب.',
    iceFailed: 'انقطع مسار الشبكة لـ WebRTC؛ ربما UDP محجوب.',
    closedByServer: 'أنهى الخادم الجلسة.',
    stalled: 'لم تصل حزم منذ فترة.',
    closed: 'مغلق.',
    hlsFailed: (detail: string) => `توقف HLS ‏(${iso(detail)}).`,
  },

  card: {
    about: (name: string) => `عن ${iso(name)}`,
    back: 'كل الفيديو',
    publisher: 'جهة البث',
    by: (protocol: string) => `عبر ${iso(protocolOf(protocol))}`,
    since: 'منذ',
    tracks: 'المسارات',
    bFrames: 'مع إطارات B',
    rate: 'المعدل',
    total: (bytes: string) => `(${iso(bytes)} حتى الآن)`,
    viewers: 'المشاهدون',
    damaged: 'تالف',
    damagedUnits: (n: number) => `تم تخطي ${plural(n, 'إطار', 'إطارات', 'إطار')}`,
    offline: 'هذا البث غير مباشر الآن، أو لا تصل إليه مجموعاتك.',
    end: 'إنهاء البث',
    endTitle: (name: string) => `إنهاء ${iso(name)}؟`,
    endText: (user: string) =>
      `يُغلق اتصال ${user ? iso(user) : 'جهة البث'} ويفقد كل المشاهدين الصورة. يمكن لجهة البث الاتصال مجددًا؛ لمنع ذلك عطّل المستخدم أو أبطِل المفتاح.`,
    ended: (name: string) => `تم إنهاء ${iso(name)}.`,
  },

  recordings: {
    title: 'التسجيلات',
    of: (stream: string) => `تسجيلات ${iso(stream)}`,
    all: 'تسجيلات كل البثوث',
    stream: 'البث',
    when: 'البداية',
    length: 'المدة',
    size: 'الحجم',
    from: 'من',
    open: 'جارٍ',
    play: 'تشغيل',
    playing: (stream: string, time: string) => `${iso(stream)}، ${iso(time)}`,
    cannotPlay: 'لا يستطيع هذا المتصفح تشغيله؛ نزّله لتشغيله في VLC أو مشغّل آخر.',
    download: 'تنزيل',
    remove: 'حذف',
    removeTitle: (stream: string, time: string) => `حذف تسجيل ${iso(stream)}، ${iso(time)}؟`,
    removeText: 'يُحذف الملف من الخادم. لا يمكن التراجع عن ذلك.',
    removed: 'حُذف التسجيل.',
    more: 'عرض الأقدم',
    emptyTitle: 'لا توجد تسجيلات',
    emptyText: 'يُسجَّل البث إذا نص الإعداد على ذلك (\u2066media.paths, record: true\u2069)، أو إذا بدأ مشغّل تسجيله من صفحة البث.',
    start: 'تسجيل',
    stop: 'إيقاف التسجيل',
    state: 'جارٍ التسجيل',
    mark: 'REC',
    on: (name: string) => `يجري تسجيل ${iso(name)} حتى ينتهي البث.`,
    off: (name: string) => `لم يعد ${iso(name)} يُسجَّل.`,
  },

  addresses: {
    watch: 'المشاهدة من مكان آخر',
    publish: 'البث من مكان آخر',
    of: (protocol: string, app: string) => `عنوان ${iso(protocolOf(protocol))} لـ ${iso(app)}`,
    qr: 'رمز QR',
    qrOf: (protocol: string, app: string) => `رمز QR لعنوان ${iso(protocolOf(protocol))} لـ ${iso(app)}`,
    qrNeedsKey: 'يحتاج الرمز القابل للمسح إلى مفتاح فيه. أنشئ واحدًا أدناه فيحمله كل عنوان هنا.',
    keyText: 'لجهاز آخر: مفتاح يفتح هذا البث وحده، يوضع في العناوين ورموز QR.',
    lifetime: 'مدة صلاحية المفتاح',
    makeKey: 'إنشاء مفتاح',
    hasKey: (day: string) => `تحوي هذه العناوين مفتاحًا جديدًا صالحًا حتى ${iso(day)}. من لديه أحدها يمكنه استخدامه؛ أبطِله في الإدارة ضمن «الرموز المميزة والمفاتيح».`,
  },

  publish: {
    title: 'البث من هذا الجهاز',
    fromHere: 'البث من هذا الجهاز',
    preview: 'معاينة',
    noPreview: 'تظهر المعاينة عند تشغيل الكاميرا أو الشاشة.',
    soundOnly: 'صوت فقط: لا توجد صورة للعرض.',
    show: 'تشغيل',
    flip: 'الكاميرا الأخرى',
    name: 'اسم البث',
    nameHint: 'أحرف وأرقام و \u2066. _ - ~\u2069، وتُربط الأجزاء بـ /',
    taken: (user: string) => `يوجد بث مباشر بهذا الاسم، من ${iso(user)}.`,
    source: 'ما يُبث',
    sources: { camera: 'الكاميرا', screen: 'الشاشة', none: 'الصوت' },
    camera: 'الكاميرا',
    automatic: 'تلقائي',
    microphone: 'مع الميكروفون',
    whichMicrophone: 'الميكروفون',
    height: 'الصورة',
    bitrate: 'الحد الأقصى',
    codec: 'الترميز',
    codecHint: 'H264 يعمل في كل مكان. وVP8 حيث لا يستطيع الجهاز إنتاج H264.',
    codecWord: 'الترميز',
    start: 'بدء البث',
    stop: 'إيقاف البث',
    watchIt: 'شاهده كما يراه الآخرون',
    off: 'لا يوجد بث',
    live: 'أنت على الهواء',
    starting: 'جارٍ الاتصال…',
    interrupted: 'منقطع',
    endedByServer: 'أُنهي البث على الخادم، من مشغّل أو لأن صلاحياتك تغيرت.',
    time: 'المدة',
    up: 'الرفع',
    rtt: 'زمن الذهاب والإياب',
    uplink: (loss: number, limit: 'none' | 'cpu' | 'bandwidth' | 'other'): string => {
      const drops = loss >= 0.005 ? `وصلة الرفع لديك تفقد ${iso(percent(loss))} من الحزم` : '';
      if (limit === 'bandwidth') return drops ? `${drops}؛ خُفضت جودة الصورة.` : 'وصلة الرفع لديك ممتلئة؛ خُفضت جودة الصورة لتناسبها.';
      if (limit === 'cpu') return `${drops ? `${drops}. ` : ''}هذا الجهاز مشغول ولا يتسع للصورة الكاملة؛ خُفضت جودتها.`;
      return drops ? `${drops}.` : 'وصلة الرفع سليمة.';
    },
    denied: 'لم يُسمح للمتصفح باستخدام الكاميرا أو الميكروفون أو الشاشة. اسمح بذلك من شريط العنوان وحاول مرة أخرى.',
    noDevice: 'لا توجد هنا كاميرا أو ميكروفون كهذا. صِل واحدًا أو اختر غيره.',
    busy: 'يستخدم برنامج آخر الكاميرا أو الميكروفون. أغلقه وحاول مرة أخرى.',
    insecure: 'لا تتيح المتصفحات الكاميرا والميكروفون إلا لصفحات HTTPS. افتح هذا الخادم بـ \u2066https://\u2069.',
  },

  nameFaults: {
    empty: 'يحتاج البث إلى اسم.',
    long: 'الاسم أطول من 160 حرفًا.',
    deep: 'للاسم أكثر من ثمانية أجزاء.',
    slash: 'تقع الشرطة المائلة بين جزأين، لا في الطرف ولا مكررة.',
    dot: 'لا يجوز أن يبدأ أي جزء بنقطة.',
    characters: 'لا يُسمح إلا بالأحرف والأرقام و \u2066. _ - ~\u2069، و / بين الأجزاء.',
  },

  admin: {
    sections,
    filter: 'تصفية',
    noMatch: 'لا شيء يطابق التصفية.',
  },

  people: {
    add: 'إضافة مستخدم',
    person: 'المستخدم',
    name: 'اسم الدخول',
    nameHint: 'لا يمكن تغييره لاحقًا.',
    fullName: 'الاسم الكامل',
    password: 'كلمة المرور',
    passwordHint: 'مقترحة عشوائيًا. لن تظهر مرة أخرى: انسخها الآن.',
    role: 'الدور',
    lastLogin: 'آخر دخول',
    disabled: 'معطّل',
    disable: 'معطّل',
    disableText: 'تُغلق كل جلسات هذا المستخدم خلال ثانية، على كل بروتوكول.',
    notYourself: 'لا يمكنك سحب صلاحياتك بنفسك.',
    keepPassword: 'اتركها فارغة للإبقاء على الحالية.',
    in: 'IN',
    out: 'OUT',
    inMeans: 'يجوز له النشر إلى المجموعة',
    outMeans: 'يستقبل ما في المجموعة',
    explain: '\u200fIN: يجوز له النشر إلى المجموعة. OUT: يستقبل ما في المجموعة. يرى المسؤولون كل البثوث.',
    rights: (user: string, group: string) => `صلاحيات ${iso(user)} في ${iso(group)}`,
    editTitle: (user: string) => `تعديل ${iso(user)}`,
    added: (user: string) => `يمكن للمستخدم ${iso(user)} تسجيل الدخول الآن.`,
    saved: (user: string) => `تم حفظ ${iso(user)}.`,
    removeTitle: (user: string) => `إزالة ${iso(user)}؟`,
    removeText: 'يتوقف الحساب ورموزه المميزة ومفاتيحه وشهاداته فورًا، وتُغلق كل جلسة مفتوحة. لا يمكن التراجع عن ذلك؛ أما التعطيل فيمكن.',
    removed: (user: string) => `تمت إزالة ${iso(user)}.`,
  },

  groups: {
    name: 'مجموعة جديدة',
    description: 'الغرض منها',
    add: 'إضافة مجموعة',
    members: (n: number) => plural(n, 'عضو', 'أعضاء', 'عضو'),
    added: (group: string) => `أُضيفت المجموعة ${iso(group)}.`,
    removeTitle: (group: string) => `إزالة المجموعة ${iso(group)}؟`,
    removeText: (members: number) =>
      `سيفقد ${plural(members, 'عضو', 'أعضاء', 'عضو')} ما منحته هذه المجموعة. والبثوث التابعة لهذه المجموعة وحدها لن يراها بعدها إلا المسؤولون.`,
    removed: (group: string) => `أُزيلت المجموعة ${iso(group)}.`,
  },

  tokens: {
    add: 'رمز مميز أو مفتاح جديد',
    name: 'الاسم',
    nameHint: 'الغرض منه: مسيّرة 2، OBS في الاستوديو',
    kind: 'النوع',
    kinds: { token: 'رمز مميز', streamkey: 'مفتاح بث' },
    kindMeans: {
      streamkey: 'يوضع في عنوان أو في حقل المفتاح في OBS. يفتح البثوث المسماة أدناه وحدها.',
      token: 'للبرامج النصية: يوضع في ترويسة Authorization.',
    },
    user: 'المستخدم',
    forUser: 'لـ (فارغ: أنت)',
    scope: 'الصلاحية',
    mayDo: 'يجوز له',
    streams: 'البثوث',
    everyStream: 'كل البثوث',
    everything: 'كل ما يجوز للمستخدم',
    never: 'حتى الإبطال',
    streamsHint: {
      streamkey: 'أسماء أو أنماط مثل \u2066uas/north/*\u2069؛ تُفصل بالفاصلة اللاتينية (,).',
      token: 'أسماء أو أنماط مثل \u2066uas/north/*\u2069؛ تُفصل بالفاصلة اللاتينية (,). فارغ: كل بث يصل إليه المستخدم.',
    },
    lifetime: 'مدة الصلاحية',
    expires: 'حتى',
    expired: 'منتهي الصلاحية',
    lastUsed: 'آخر استخدام',
    make: 'إنشاء',
    needsAction: 'اختر شيئًا واحدًا على الأقل يجوز له فعله.',
    madeTitle: (name: string) => `${iso(name)} جاهز`,
    once: 'يظهر هذا مرة واحدة ولا يُحفظ في أي مكان بصورة مقروءة. انسخه أو امسحه الآن.',
    secret: 'السر',
    kept: 'حفظته',
    emptyTitle: 'لا رموز مميزة ولا مفاتيح',
    emptyText: 'يتيح مفتاح البث لطائرة مسيّرة أو OBS أو كاميرا البث بلا كلمة مرور؛ ويتيح الرمز المميز لبرنامج نصي استخدام API. يمكن تقييد كليهما وتحديد مدتهما وإبطالهما.',
    revokeTitle: (name: string) => `إبطال ${iso(name)}؟`,
    revokeText: 'كل ما يستخدمه يُقطع اتصاله خلال ثانية ولا يمكنه العودة به.',
    revoked: (name: string) => `تم إبطال ${iso(name)}.`,
  },

  sessions: {
    who: 'من',
    does: 'النشاط',
    stream: 'البث',
    by: 'عبر',
    from: 'المصدر',
    since: 'المدة',
    nobody: 'مجهول الهوية',
    certificate: 'بشهادة',
    token: 'برمز مميز',
    none: 'لا جلسات مفتوحة.',
    failures: 'محاولات دخول فاشلة',
    failure: (user: string, remote: string, protocol: string) =>
      `${user ? iso(user) : 'شخص ما'} من ${remote ? iso(remote) : 'مكان ما'}${protocol ? ` عبر ${iso(protocol.toUpperCase())}` : ''}`,
    end: 'إنهاء',
    endTitle: (user: string) => `إنهاء هذه الجلسة للمستخدم ${user ? iso(user) : 'المجهول'}؟`,
    endText: 'يُغلق الاتصال فورًا. يمكن للمستخدم الاتصال مجددًا؛ لمنع ذلك عطّل المستخدم أو أبطِل الرمز المميز.',
    ended: (user: string) => `أُنهيت جلسة المستخدم ${user ? iso(user) : 'المجهول'}.`,
  },

  certificates: {
    issue: 'إصدار شهادة',
    ca: 'شهادة CA',
    device: 'الجهاز',
    deviceHint: 'جهاز لوحي 7، عربة اتصالات',
    state: 'الحالة',
    valid: 'صالحة',
    revoked: 'مُبطلة',
    issued: 'تاريخ الإصدار',
    fingerprint: 'البصمة',
    emptyTitle: 'لا توجد شهادات',
    emptyText: 'تُدخل الشهادة الجهاز بلا كلمة مرور: ATAK أو WinTAK أو متصفح على المنفذ 8443. تُصدر هنا ويمكن إبطالها في أي وقت.',
    password: 'كلمة مرور الملفات',
    passwordHint: 'تُطلب عند فتح الملف على الجهاز.',
    madeTitle: (name: string) => `شهادة ${iso(name)}`,
    once: 'المفتاح الخاص في الملف الأول ولا يُحفظ في غيره. احفظ الملفات الآن.',
    p12: 'الشهادة والمفتاح (\u2066.p12\u2069)',
    truststore: 'مخزن الشهادات الموثوقة لـ ATAK ‏(\u2066.p12\u2069)',
    revokeTitle: (name: string) => `إبطال شهادة ${iso(name)}؟`,
    revokeText: (user: string) => `يُقطع اتصال جهاز ${iso(user)} خلال ثانية ولا يمكنه العودة بها. لا يمكن التراجع عن ذلك.`,
    wasRevoked: (name: string) => `أُبطلت شهادة ${iso(name)}.`,
  },

  streams: {
    name: 'البث',
    inOut: 'وارد / صادر',
    faults: 'تالف / قفزات',
    faultsMean: 'إطارات تُخطّيت لتلفها، ومرات كان فيها مشاهد أبطأ من اللازم فقفز إلى الأمام',
    none: 'لا يوجد بث مباشر.',
  },

  health: {
    allWell: 'كل شيء يعمل',
    sick: (n: number) => plural(n, 'أمر يحتاج إلى انتباه', 'أمور تحتاج إلى انتباه', 'أمر يحتاج إلى انتباه'),
    doors: 'نقاط الدخول',
    parts: 'المكوّنات',
    server: 'الخادم',
    open: 'مفتوح',
    closed: 'مغلق',
    well: 'سليم',
    ill: 'به خلل',
    fix: 'الحل',
    name: 'الاسم',
    version: 'الإصدار',
    hostNames: 'أسماء المضيف',
    ca: 'بصمة CA',
    backup: 'تنزيل نسخة احتياطية',
  },
};
