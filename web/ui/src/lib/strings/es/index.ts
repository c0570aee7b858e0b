/** Español. */
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

const plural = plurals('es');
const protocolOf = (name: string) => protocolName(name, 'Página web');

const sections = {
  people: 'Personas',
  tokens: 'Tokens y claves',
  sessions: 'Sesiones',
  devices: 'Dispositivos',
  enrolment: 'Registro',
  certificates: 'Certificados',
  profiles: 'Perfiles',
  streams: 'Emisiones',
  voice: 'Canales de voz',
  retention: 'Conservación',
  health: 'Estado',
};

function titleOf(route: Route): string {
  switch (route.page) {
    case 'login':
      return 'Entrar · Muster';
    case 'reset':
      return 'Contraseña nueva · Muster';
    case 'map':
      return 'Mapa · Muster';
    case 'chat':
      return 'Chat · Muster';
    case 'files':
      return route.section === 'missions' ? 'Misiones · Muster' : 'Archivos · Muster';
    case 'wall':
      return 'Vídeo · Muster';
    case 'player':
      return `${route.name} · Muster`;
    case 'recordings':
      return 'Grabaciones · Muster';
    case 'publish':
      return 'Emitir · Muster';
    case 'admin':
      return `${sections[route.section]} · Muster`;
    case 'rooms':
    case 'room':
    case 'join':
      return roomTitle(route);
    case 'missing':
      return 'No encontrado · Muster';
  }
}

export const es: Catalogue = {
  titleOf,
  dateTime: (time: string | undefined) => {
    const text = dateTime(time);
    return text === '–' ? 'nunca' : text;
  },
  protocol: protocolOf,
  action: (name: string) =>
    ({ publish: 'emite', read: 've', api: 'usa la consola', operate: 'opera', admin: 'administra' })[name] ?? name,
  actions: { publish: 'Emitir', read: 'Ver', api: 'Usar la API', operate: 'Operar', admin: 'Administrar' },
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
    cancel: 'Cancelar',
    close: 'Cerrar',
    save: 'Guardar',
    done: 'Listo',
    edit: 'Editar',
    remove: 'Eliminar',
    revoke: 'Revocar',
    dismiss: 'Cerrar',
    actions: 'Acciones',
    loading: 'Cargando…',
    tryAgain: 'Reintentar',
    copied: 'Copiado',
    copyOf: (what: string) => `Copiar: ${what}`,
    copyFailed: 'El navegador no permitió copiar. Seleccione el texto y cópielo a mano.',
    days: (n: number) => plural(n, 'día', 'días'),
  },

  errors: {
    unreachable: 'No se puede contactar con el servidor. Compruebe la red; aquí todo vuelve por sí solo.',
    notUnderstood: 'El servidor envió una respuesta que esta consola no entiende. Recargue la página.',
    unknown: 'Algo ha fallado aquí. Recargue la página e inténtelo de nuevo.',
    status: (status: number, retryAfter?: number): string => {
      if (status === 401) return 'Su sesión ha terminado.';
      if (status === 403) return 'Sus derechos no lo permiten.';
      if (status === 404) return 'Esto no existe (o ya no).';
      if (status === 409) return 'Esto ya existe o está en uso.';
      if (status === 413) return 'Es mayor de lo que acepta el servidor.';
      if (status === 429) return retryAfter ? `Demasiados intentos. Espere ${plural(retryAfter, 'segundo', 'segundos')}.` : 'Demasiados intentos. Espere un momento.';
      if (status >= 500) return 'El servidor no pudo hacerlo. Su registro dice por qué.';
      return `El servidor lo rechazó (estado ${status}).`;
    },
  },

  frame: {
    skip: 'Saltar al contenido',
    home: 'Muster, al mapa',
    map: 'Mapa',
    chat: 'Chat',
    files: 'Archivos',
    unread: (n: number) => plural(n, 'nuevo', 'nuevos'),
    lenses: 'Vistas',
    video: 'Vídeo',
    publish: 'Emitir',
    admin: 'Admin',
    groups: 'Grupos',
    groupsShown: (shown: number, all: number) => `Grupos mostrados: ${shown}/${all}`,
    search: 'Ir a…',
    clock: 'Hora local y hora Zulu',
    connecting: 'Conectando…',
    noServer: 'Sin conexión con el servidor',
    notLoaded: 'No se pudo cargar esta página: no se puede contactar con el servidor o se actualizó entretanto.',
    reload: 'Recargar',
    reconnecting: (seconds: number) => `Reconexión ${seconds} s`,
    state: { off: 'Sin conexión', connecting: 'Conectando', live: 'En directo', waiting: 'Reconectando' },
    announce: {
      off: 'Sin conexión',
      connecting: '',
      live: 'En directo: lo que ve es actual.',
      waiting: 'Se perdió la conexión y vuelve por sí sola. Lo que ve puede ser antiguo.',
    },
  },

  roles: { admin: 'Administrador', operator: 'Operador', member: 'Miembro' },
  roleMeans: {
    member: 'usa lo que permiten los grupos',
    operator: 'además ve y cierra sesiones de los grupos',
    admin: 'todo',
  },

  menu: {
    label: (user: string) => `${user}: cuenta y aspecto`,
    theme: 'Aspecto',
    themes: { dark: 'Oscuro', light: 'Claro', system: 'Sistema' },
    language: 'Idioma',
    password: 'Cambiar contraseña',
    currentPassword: 'Contraseña actual',
    newPassword: 'Contraseña nueva',
    passwordChanged: 'La contraseña está cambiada.',
    logout: 'Salir',
  },

  login: {
    title: 'Entrar en Muster',
    user: 'Nombre',
    password: 'Contraseña',
    show: 'Mostrar',
    hide: 'Ocultar',
    submit: 'Entrar',
    busy: 'Entrando…',
    wrong: 'El nombre y la contraseña no coinciden. Compruebe ambos; las mayúsculas cuentan.',
    lost: '¿Perdió la contraseña? Un administrador puede poner otra.',
    ...login,
  },

  palette: {
    title: 'Ir a una persona, una emisión, un lugar, una sala o una página',
    placeholder: 'Persona, emisión, sala, página, 32T PT 81 37 o 47.27, 11.40',
    place: 'lugar',
    contact: (user: string, connected: boolean) => `${user ? `${user}, ` : ''}${connected ? 'conectado' : 'sin conexión'}`,
    item: 'en el mapa',
    room: 'sala de chat',
    mission: 'misión',
    account: 'cuenta',
    results: 'Destinos',
    page: 'página',
    stream: (user: string) => `en directo, de ${user}`,
    nothing: 'Nada con ese nombre.',
  },

  missing: {
    title: 'Aquí no hay nada',
    text: 'La dirección es incorrecta o sus derechos no alcanzan esta página.',
    back: 'Al mapa',
  },

  wall: {
    title: 'Vídeo',
    count: (n: number) => plural(n, 'emisión', 'emisiones'),
    filter: 'Filtrar por nombre, persona, grupo',
    filterShort: 'Filtrar',
    tiles: 'Cuadros en pantalla',
    auto: 'Auto',
    loading: 'Cargando las emisiones…',
    noMatch: (text: string) => `Ninguna emisión en directo coincide con «${text}».`,
    allHidden: 'Hay emisiones en directo, pero todos sus grupos están apagados arriba.',
    showAll: 'Mostrar todo',
    movedTo: (name: string, position: number, all: number) => `${name} está ahora en el puesto ${position} de ${all}.`,
  },

  tile: {
    play: (name: string) => `Reproducir ${name} en este cuadro`,
    stop: (name: string) => `Parar ${name} en este cuadro`,
    move: (name: string) => `Mover ${name}; también con las flechas`,
    moveHow: 'Arrastre para ordenar; también con las flechas',
    viewers: (n: number) => plural(n, 'espectador', 'espectadores'),
    age: (age: string) => `en directo desde hace ${age}`,
  },

  still: {
    noVideo: 'Solo sonido',
    none: 'Esperando la primera imagen clave',
    undecodable: 'Este navegador no puede mostrar este códec como imagen fija',
    error: 'Sin imagen: el servidor no respondió',
    loading: 'Cargando la imagen…',
  },

  empty: {
    title: 'No hay emisiones en directo',
    text: 'Cada emisión que alguien hace a sus grupos aparece aquí en cuanto empieza. Inicie una:',
    readOnly: 'Cada emisión que alguien hace a sus grupos aparece aquí en cuanto empieza.',
    here: 'Con este dispositivo',
    hereText: 'Cámara o pantalla, directamente desde este navegador. Nada que instalar.',
    ffmpeg: 'Con ffmpeg',
    ffmpegText: 'Pegue esta línea y ponga su contraseña en lugar de PASSWORD. La imagen de prueba puede ser cualquier fuente: un archivo, una cámara.',
  },

  play: {
    playerOf: (name: string) => `Reproductor: ${name}`,
    live: 'En directo',
    notPlaying: 'Parado',
    offline: 'Sin señal',
    stateWord: 'Estado',
    figures: 'Cifras de la reproducción',
    connecting: 'Conectando…',
    ended: 'El emisor se ha detenido.',
    comesBack: 'La imagen vuelve por sí sola cuando vuelve la emisión.',
    cannot: 'Esto no se puede reproducir aquí',
    elsewhere: 'Quizá otro navegador pueda; VLC, ffplay y ATAK pueden con las direcciones de aquí.',
    againIn: (seconds: number) => `Próximo intento en ${seconds} s`,
    now: 'Intentar ahora',
    play: 'Reproducir',
    pause: 'Pausa',
    mute: 'Silenciar',
    unmute: 'Con sonido',
    noAudioTrack: 'La emisión no tiene sonido',
    previous: 'Emisión anterior',
    next: 'Emisión siguiente',
    full: 'Pantalla completa',
    leaveFull: 'Salir de pantalla completa',
    noFullScreen: 'El navegador no permitió la pantalla completa.',
    pip: 'Imagen en imagen',
    noPip: 'El navegador no permitió imagen en imagen.',
    snapshot: 'Captura',
    noSnapshot: 'Aún no hay imagen que capturar.',
    snapshotSaved: (file: string) => `Captura guardada: ${file}`,
    keys: 'Teclado',
    keyList: [
      ['Espacio', 'pausar y seguir en directo'],
      ['M', 'sonido sí y no'],
      ['F', 'pantalla completa'],
      ['P', 'imagen en imagen'],
      ['S', 'captura'],
      ['← →', 'emisión anterior y siguiente'],
      ['?', 'esta lista'],
      ['Ctrl K', 'ir a una persona, emisión, lugar o página'],
    ],
    transport: 'Transporte',
    transports,
    preferences: { auto: 'Automático', webrtc: 'WebRTC', hls: 'HLS' },
    latency: 'Retardo',
    rate: 'Tasa',
    size: 'Imagen',
    loss: 'Pérdida',
    insteadHls: (transport: 'webrtc' | 'hls', why: string) =>
      transport === 'hls' ? `Reproduce por HLS, unos segundos por detrás: ${why}` : `Reproduce por WebRTC: ${why}`,
    noTransport: (transport: 'webrtc' | 'hls') => `Este navegador no tiene ${transports[transport]}.`,
    cannotDecode: (codec: string, transport: 'webrtc' | 'hls') => `Este navegador no puede descodificar ${codec} por ${transports[transport]}.`,
    bFrames: 'El emisor envía fotogramas B, que WebRTC no puede llevar (ffmpeg: -bf 0).',
    nothingToPlay: 'La emisión no tiene ni imagen ni sonido.',
    noSound: (codec: string, transport: 'webrtc' | 'hls') =>
      transport === 'webrtc' ? `No hay sonido: WebRTC no puede llevar ${codec}. Elija HLS para oírlo.` : `No hay sonido: este navegador no puede descodificar ${codec}.`,
    noPicture: (transport: 'webrtc' | 'hls') =>
      transport === 'webrtc' ? 'No llegó imagen por WebRTC; quizá la red bloquea UDP.' : 'No llegó imagen por HLS.',
    noAnswer: 'El servidor no respondió a tiempo.',
    iceFailed: 'Se cortó el camino de red de WebRTC; quizá UDP está bloqueado.',
    closedByServer: 'El servidor cerró la sesión.',
    stalled: 'No llegaron paquetes durante un rato.',
    closed: 'Cerrado.',
    hlsFailed: (detail: string) => `HLS se detuvo (${detail}).`,
  },

  card: {
    about: (name: string) => `Sobre ${name}`,
    back: 'Todo el vídeo',
    publisher: 'Emisor',
    by: (protocol: string) => `por ${protocolOf(protocol)}`,
    since: 'Desde',
    tracks: 'Pistas',
    bFrames: 'con fotogramas B',
    rate: 'Tasa',
    total: (bytes: string) => `(${bytes} hasta ahora)`,
    viewers: 'Espectadores',
    damaged: 'Dañado',
    damagedUnits: (n: number) => plural(n, 'fotograma omitido', 'fotogramas omitidos'),
    offline: 'Esta emisión no está en directo o sus grupos no la alcanzan.',
    end: 'Terminar emisión',
    endTitle: (name: string) => `¿Terminar ${name}?`,
    endText: (user: string) =>
      `Se cierra la conexión de ${user || 'el emisor'} y todos los espectadores pierden la imagen. El emisor puede volver a conectarse; para impedirlo, desactive a la persona o revoque la clave.`,
    ended: (name: string) => `${name} se ha terminado.`,
  },

  recordings: {
    title: 'Grabaciones',
    of: (stream: string) => `Grabaciones de ${stream}`,
    all: 'Grabaciones de todas las emisiones',
    stream: 'Emisión',
    when: 'Inicio',
    length: 'Duración',
    size: 'Tamaño',
    from: 'De',
    open: 'en curso',
    play: 'Reproducir',
    playing: (stream: string, time: string) => `${stream}, ${time}`,
    cannotPlay: 'Este navegador no puede reproducirla; descárguela para VLC u otro reproductor.',
    download: 'Descargar',
    remove: 'Eliminar',
    removeTitle: (stream: string, time: string) => `¿Eliminar la grabación de ${stream}, ${time}?`,
    removeText: 'El archivo se elimina del servidor. No se puede deshacer.',
    removed: 'La grabación está eliminada.',
    more: 'Mostrar anteriores',
    emptyTitle: 'No hay nada grabado',
    emptyText: 'Una emisión se graba cuando lo dice la configuración (media.paths, record: true) o cuando un operador lo inicia en la página de la emisión.',
    start: 'Grabar',
    stop: 'Detener la grabación',
    state: 'Grabando',
    mark: 'REC',
    on: (name: string) => `${name} se graba hasta que termine.`,
    off: (name: string) => `${name} ya no se graba.`,
  },

  addresses: {
    watch: 'Ver en otro sitio',
    publish: 'Emitir desde otro sitio',
    of: (protocol: string, app: string) => `Dirección ${protocolOf(protocol)} para ${app}`,
    qr: 'Código QR',
    qrOf: (protocol: string, app: string) => `Código QR de la dirección ${protocolOf(protocol)} para ${app}`,
    qrNeedsKey: 'Un código para escanear necesita una clave. Cree una abajo y todas las direcciones de aquí la llevarán.',
    keyText: 'Para otro dispositivo: una clave que abre esta emisión y nada más, puesta en las direcciones y códigos QR.',
    lifetime: 'Cuánto vale la clave',
    makeKey: 'Crear una clave',
    hasKey: (day: string) => `Estas direcciones llevan una clave nueva, válida hasta el ${day}. Quien tenga una puede usarla; revóquela en Admin, Tokens y claves.`,
  },

  publish: {
    title: 'Emitir desde este dispositivo',
    fromHere: 'Emitir desde este dispositivo',
    preview: 'Vista previa',
    noPreview: 'La vista previa aparece cuando la cámara o la pantalla está encendida.',
    soundOnly: 'Solo sonido: no hay imagen que mostrar.',
    show: 'Encender',
    flip: 'Otra cámara',
    name: 'Nombre de la emisión',
    nameHint: 'Letras, dígitos y . _ - ~, partes unidas por /',
    taken: (user: string) => `Hay una emisión en directo con ese nombre, de ${user}.`,
    source: 'Qué enviar',
    sources: { camera: 'Cámara', screen: 'Pantalla', none: 'Sonido' },
    camera: 'Cámara',
    automatic: 'Automático',
    microphone: 'Con micrófono',
    whichMicrophone: 'Micrófono',
    height: 'Imagen',
    bitrate: 'Como máximo',
    codec: 'Códec',
    codecHint: 'H264 se reproduce en todas partes. VP8 donde el dispositivo no pueda crear H264.',
    codecWord: 'Códec',
    start: 'Empezar a emitir',
    stop: 'Dejar de emitir',
    watchIt: 'Verlo como los demás',
    off: 'Sin emitir',
    live: 'Está en directo',
    starting: 'Conectando…',
    interrupted: 'Interrumpido',
    endedByServer: 'La emisión se terminó en el servidor, por un operador o porque cambiaron sus derechos.',
    time: 'Desde hace',
    up: 'Subida',
    rtt: 'Ida y vuelta',
    uplink: (loss: number, limit: 'none' | 'cpu' | 'bandwidth' | 'other'): string => {
      const drops = loss >= 0.005 ? `Su enlace de subida pierde el ${percent(loss)} de los paquetes` : '';
      if (limit === 'bandwidth') return drops ? `${drops}; se redujo la imagen.` : 'Su enlace de subida está lleno; se redujo la imagen.';
      if (limit === 'cpu') return `${drops ? `${drops}. ` : ''}Este dispositivo está demasiado ocupado para la imagen completa; se redujo.`;
      return drops ? `${drops}.` : 'El enlace de subida está limpio.';
    },
    denied: 'El navegador no tuvo permiso para usar cámara, micrófono o pantalla. Permítalo a la izquierda de la barra de direcciones e inténtelo de nuevo.',
    noDevice: 'Aquí no hay tal cámara o micrófono. Conecte uno o elija otro.',
    busy: 'Otro programa usa la cámara o el micrófono. Ciérrelo e inténtelo de nuevo.',
    insecure: 'Los navegadores dan cámara y micrófono solo a páginas abiertas por HTTPS. Abra este servidor con https://.',
  },

  nameFaults: {
    empty: 'Una emisión necesita un nombre.',
    long: 'El nombre tiene más de 160 caracteres.',
    deep: 'El nombre tiene más de ocho partes.',
    slash: 'Una barra va entre dos partes, no en un extremo ni doble.',
    dot: 'Ninguna parte puede empezar por un punto.',
    characters: 'Solo se permiten letras, dígitos y . _ - ~, y / entre partes.',
  },

  admin: {
    sections,
    filter: 'Filtrar',
    noMatch: 'Nada coincide con el filtro.',
  },

  people: {
    add: 'Añadir persona',
    person: 'Persona',
    name: 'Nombre de acceso',
    nameHint: 'No se puede cambiar después.',
    fullName: 'Nombre completo',
    password: 'Contraseña',
    passwordHint: 'Propuesta al azar. No se vuelve a mostrar: cópiela ahora.',
    role: 'Rol',
    lastLogin: 'Último acceso',
    disabled: 'Desactivado',
    disable: 'Desactivado',
    disableText: 'Todas las sesiones de esta persona se cierran en un segundo, en todos los protocolos.',
    notYourself: 'No puede quitarse sus propios derechos.',
    keepPassword: 'Deje vacío para conservar la actual.',
    in: 'IN',
    out: 'OUT',
    inMeans: 'Puede emitir al grupo',
    outMeans: 'Recibe lo que tiene el grupo',
    explain: 'IN: puede emitir al grupo. OUT: recibe lo que tiene el grupo. Los administradores ven todas las emisiones.',
    rights: (user: string, group: string) => `Derechos de ${user} en ${group}`,
    editTitle: (user: string) => `Editar ${user}`,
    added: (user: string) => `${user} ya puede entrar.`,
    saved: (user: string) => `${user} está guardado.`,
    removeTitle: (user: string) => `¿Eliminar ${user}?`,
    removeText: 'La cuenta, sus tokens, claves y certificados dejan de valer al instante y se cierran todas las sesiones abiertas. No se puede deshacer; desactivar, sí.',
    removed: (user: string) => `${user} está eliminado.`,
  },

  groups: {
    name: 'Nuevo grupo',
    description: 'Para qué es',
    add: 'Añadir grupo',
    members: (n: number) => plural(n, 'miembro', 'miembros'),
    added: (group: string) => `El grupo ${group} está añadido.`,
    removeTitle: (group: string) => `¿Eliminar el grupo ${group}?`,
    removeText: (members: number) =>
      `${plural(members, 'miembro pierde', 'miembros pierden')} lo que daba este grupo. Las emisiones que son solo de este grupo las ven entonces solo los administradores.`,
    removed: (group: string) => `El grupo ${group} está eliminado.`,
  },

  tokens: {
    add: 'Nuevo token o clave',
    name: 'Nombre',
    nameHint: 'Para qué es: dron 2, OBS del estudio',
    kind: 'Clase',
    kinds: { token: 'Token', streamkey: 'Clave de emisión' },
    kindMeans: {
      streamkey: 'Va en una dirección o en el campo de clave de OBS. Abre las emisiones indicadas abajo y nada más.',
      token: 'Para scripts: va en la cabecera Authorization.',
    },
    user: 'Persona',
    forUser: 'Para (vacío: usted)',
    scope: 'Puede',
    mayDo: 'Puede',
    streams: 'Emisiones',
    everyStream: 'todas las emisiones',
    everything: 'Todo lo que puede la persona',
    never: 'Hasta revocarlo',
    streamsHint: {
      streamkey: 'Nombres o patrones como uas/north/*; varios con coma.',
      token: 'Nombres o patrones como uas/north/*; varios con coma. Vacío: todas las emisiones que alcanza la persona.',
    },
    lifetime: 'Válido por',
    expires: 'Hasta',
    expired: 'Caducado',
    lastUsed: 'Último uso',
    make: 'Crear',
    needsAction: 'Elija al menos una cosa que pueda hacer.',
    madeTitle: (name: string) => `${name} está listo`,
    once: 'Esto se muestra una vez y no se guarda legible en ningún sitio. Cópielo o escanéelo ahora.',
    secret: 'El secreto',
    kept: 'Lo tengo',
    emptyTitle: 'No hay tokens ni claves',
    emptyText: 'Una clave de emisión permite que un dron, OBS o una cámara emita sin contraseña; un token permite que un script use la API. Ambos se pueden limitar, caducan y se pueden revocar.',
    revokeTitle: (name: string) => `¿Revocar ${name}?`,
    revokeText: 'Lo que lo use se desconecta en un segundo y no puede volver con él.',
    revoked: (name: string) => `${name} está revocado.`,
  },

  sessions: {
    who: 'Quién',
    does: 'Hace',
    stream: 'Emisión',
    by: 'Por',
    from: 'Desde',
    since: 'Desde hace',
    nobody: 'anónimo',
    certificate: 'con certificado',
    token: 'con token',
    none: 'No hay nada abierto.',
    failures: 'Accesos fallidos',
    failure: (user: string, remote: string, protocol: string) => `${user || 'alguien'} desde ${remote || 'algún sitio'}${protocol ? ` por ${protocol.toUpperCase()}` : ''}`,
    end: 'Cerrar',
    endTitle: (user: string) => `¿Cerrar esta sesión de ${user || 'anónimo'}?`,
    endText: 'La conexión se cierra al instante. La persona puede volver a conectarse; para impedirlo, desactívela o revoque el token.',
    ended: (user: string) => `Se cerró la sesión de ${user || 'anónimo'}.`,
  },

  certificates: {
    issue: 'Expedir certificado',
    ca: 'Certificado de la CA',
    device: 'Dispositivo',
    deviceHint: 'tableta 7, vehículo de radio',
    state: 'Estado',
    valid: 'Válido',
    revoked: 'Revocado',
    issued: 'Expedido',
    fingerprint: 'Huella',
    emptyTitle: 'No hay certificados',
    emptyText: 'Un certificado deja entrar a un dispositivo sin contraseña: ATAK, WinTAK, un navegador en el puerto 8443. Se expide aquí y se puede revocar en cualquier momento.',
    password: 'Contraseña de los archivos',
    passwordHint: 'Se pide al abrir el archivo en el dispositivo.',
    madeTitle: (name: string) => `Certificado para ${name}`,
    once: 'La clave privada está en el primer archivo y en ningún otro sitio. Guarde los archivos ahora.',
    p12: 'Certificado y clave (.p12)',
    truststore: 'Almacén de confianza para ATAK (.p12)',
    revokeTitle: (name: string) => `¿Revocar el certificado de ${name}?`,
    revokeText: (user: string) => `El dispositivo de ${user} se desconecta en un segundo y no puede volver con él. No se puede deshacer.`,
    wasRevoked: (name: string) => `El certificado de ${name} está revocado.`,
  },

  streams: {
    name: 'Emisión',
    inOut: 'Entra / sale',
    faults: 'Dañados / saltos',
    faultsMean: 'Fotogramas omitidos por estar dañados y veces que un espectador era demasiado lento y saltó adelante',
    none: 'No hay emisiones en directo.',
  },

  health: {
    allWell: 'Todo funciona',
    sick: (n: number) => plural(n, 'cosa requiere atención', 'cosas requieren atención'),
    doors: 'Accesos',
    parts: 'Partes',
    server: 'Servidor',
    open: 'Abierto',
    closed: 'Cerrado',
    well: 'Bien',
    ill: 'Con fallos',
    fix: 'Solución',
    name: 'Nombre',
    version: 'Versión',
    hostNames: 'Nombres de host',
    ca: 'Huella de la CA',
    backup: 'Descargar copia',
  },
};
