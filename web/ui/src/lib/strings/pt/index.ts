/** Português, para o Brasil e para Portugal: onde há duas palavras, a que os dois leem bem. Publicar é aqui transmitir. */
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

const plural = plurals('pt');
const protocolOf = (name: string) => protocolName(name, 'Página web');

const sections = {
  people: 'Pessoas',
  tokens: 'Tokens e chaves',
  sessions: 'Sessões',
  devices: 'Dispositivos',
  enrolment: 'Inscrição',
  certificates: 'Certificados',
  profiles: 'Perfis',
  streams: 'Transmissões',
  voice: 'Canais de voz',
  retention: 'Retenção',
  health: 'Estado',
};

function titleOf(route: Route): string {
  switch (route.page) {
    case 'login':
      return 'Entrar · Muster';
    case 'reset':
      return 'Nova senha · Muster';
    case 'map':
      return 'Mapa · Muster';
    case 'chat':
      return 'Chat · Muster';
    case 'files':
      return route.section === 'missions' ? 'Missões · Muster' : 'Arquivos · Muster';
    case 'wall':
      return 'Vídeo · Muster';
    case 'player':
      return `${route.name} · Muster`;
    case 'recordings':
      return 'Gravações · Muster';
    case 'publish':
      return 'Transmitir · Muster';
    case 'admin':
      return `${sections[route.section]} · Muster`;
    case 'rooms':
    case 'room':
    case 'join':
      return roomTitle(route);
    case 'missing':
      return 'Não encontrado · Muster';
  }
}

export const pt: Catalogue = {
  titleOf,
  dateTime: (time: string | undefined) => {
    const text = dateTime(time);
    return text === '–' ? 'nunca' : text;
  },
  protocol: protocolOf,
  action: (name: string) =>
    ({ publish: 'transmite', read: 'vê', api: 'usa a interface', operate: 'opera', admin: 'administra' })[name] ?? name,
  actions: { publish: 'Transmitir', read: 'Ver', api: 'Usar a API', operate: 'Operar', admin: 'Administrar' },
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
    close: 'Fechar',
    save: 'Guardar',
    done: 'Concluído',
    edit: 'Editar',
    remove: 'Remover',
    revoke: 'Revogar',
    dismiss: 'Fechar',
    actions: 'Ações',
    loading: 'Carregando…',
    tryAgain: 'Tentar de novo',
    copied: 'Copiado',
    copyOf: (what: string) => `Copiar: ${what}`,
    copyFailed: 'O navegador não permitiu copiar. Selecione o texto e copie-o à mão.',
    days: (n: number) => plural(n, 'dia', 'dias'),
  },

  errors: {
    unreachable: 'O servidor está inacessível. Verifique a rede; aqui tudo volta por si.',
    notUnderstood: 'O servidor enviou uma resposta que esta página não entende. Recarregue a página.',
    unknown: 'Algo falhou aqui. Recarregue a página e tente de novo.',
    status: (status: number, retryAfter?: number): string => {
      if (status === 401) return 'A sua sessão terminou.';
      if (status === 403) return 'Os seus direitos não o permitem.';
      if (status === 404) return 'Isto não existe (ou já não existe).';
      if (status === 409) return 'Isto já existe ou está em uso.';
      if (status === 413) return 'Isto é maior do que o servidor aceita.';
      if (status === 429) return retryAfter ? `Muitas tentativas. Espere ${plural(retryAfter, 'segundo', 'segundos')}.` : 'Muitas tentativas. Espere um momento.';
      if (status >= 500) return 'O servidor não conseguiu fazê-lo. O log do servidor indica a causa.';
      return `O servidor recusou (status ${status}).`;
    },
  },

  frame: {
    skip: 'Ir para o conteúdo',
    home: 'Muster, para o mapa',
    map: 'Mapa',
    chat: 'Chat',
    files: 'Arquivos',
    unread: (n: number) => plural(n, 'nova', 'novas'),
    lenses: 'Vistas',
    video: 'Vídeo',
    publish: 'Transmitir',
    admin: 'Admin',
    groups: 'Grupos',
    groupsShown: (shown: number, all: number) => `Grupos visíveis: ${shown}/${all}`,
    search: 'Ir para…',
    clock: 'Hora local e hora Zulu',
    connecting: 'Conectando…',
    noServer: 'Sem conexão com o servidor',
    notLoaded: 'Não foi possível carregar esta página: o servidor está inacessível ou foi atualizado entretanto.',
    reload: 'Recarregar',
    reconnecting: (seconds: number) => `Reconexão em ${seconds} s`,
    state: { off: 'Offline', connecting: 'Conectando', live: 'Ao vivo', waiting: 'Reconectando' },
    announce: {
      off: 'Offline',
      connecting: '',
      live: 'Ao vivo: o que se vê é atual.',
      waiting: 'A conexão caiu e volta por si. O que se vê pode ser antigo.',
    },
  },

  roles: { admin: 'Administrador', operator: 'Operador', member: 'Membro' },
  roleMeans: {
    member: 'usa o que os grupos permitem',
    operator: 'também vê e encerra sessões dos grupos',
    admin: 'tudo',
  },

  menu: {
    label: (user: string) => `${user}: conta e aparência`,
    theme: 'Aparência',
    themes: { dark: 'Escuro', light: 'Claro', system: 'Sistema' },
    language: 'Idioma',
    password: 'Mudar a senha',
    currentPassword: 'Senha atual',
    newPassword: 'Nova senha',
    passwordChanged: 'A senha foi mudada.',
    logout: 'Sair',
  },

  login: {
    title: 'Entrar no Muster',
    user: 'Nome',
    password: 'Senha',
    show: 'Mostrar',
    hide: 'Ocultar',
    submit: 'Entrar',
    busy: 'Entrando…',
    wrong: 'O nome e a senha não correspondem. Verifique ambos; as maiúsculas contam.',
    lost: 'Perdeu a senha? Um administrador pode definir outra.',
    ...login,
  },

  palette: {
    title: 'Ir para uma pessoa, uma transmissão, um lugar, uma sala ou uma página',
    placeholder: 'Pessoa, transmissão, sala, página, 32T PT 81 37 ou 47.27, 11.40',
    place: 'lugar',
    contact: (user: string, connected: boolean) => `${user ? `${user}, ` : ''}${connected ? 'com conexão' : 'sem conexão'}`,
    item: 'no mapa',
    room: 'sala de chat',
    mission: 'missão',
    account: 'conta',
    results: 'Destinos',
    page: 'página',
    stream: (user: string) => `ao vivo, de ${user}`,
    nothing: 'Nada com esse nome.',
  },

  missing: {
    title: 'Aqui não há nada',
    text: 'O endereço está errado, ou os seus direitos não chegam a esta página.',
    back: 'Para o mapa',
  },

  wall: {
    title: 'Vídeo',
    count: (n: number) => plural(n, 'transmissão', 'transmissões'),
    filter: 'Filtrar por nome, pessoa, grupo',
    filterShort: 'Filtrar',
    tiles: 'Quadros na tela',
    auto: 'Auto',
    loading: 'Carregando as transmissões…',
    noMatch: (text: string) => `Nenhuma transmissão ao vivo corresponde a “${text}”.`,
    allHidden: 'Há transmissões ao vivo, mas todos os grupos delas estão desligados acima.',
    showAll: 'Mostrar tudo',
    movedTo: (name: string, position: number, all: number) => `${name} está agora na posição ${position} de ${all}.`,
  },

  tile: {
    play: (name: string) => `Reproduzir ${name} neste quadro`,
    stop: (name: string) => `Parar ${name} neste quadro`,
    move: (name: string) => `Mover ${name}; também com as setas`,
    moveHow: 'Arraste para ordenar; também com as setas',
    viewers: (n: number) => plural(n, 'espectador', 'espectadores'),
    age: (age: string) => `ao vivo há ${age}`,
  },

  still: {
    noVideo: 'Só som',
    none: 'À espera do primeiro keyframe',
    undecodable: 'Este navegador não consegue mostrar este codec como imagem fixa',
    error: 'Sem imagem: o servidor não respondeu',
    loading: 'Carregando a imagem…',
  },

  empty: {
    title: 'Nenhuma transmissão ao vivo',
    text: 'Cada transmissão para os seus grupos aparece aqui assim que começa. Inicie uma:',
    readOnly: 'Cada transmissão para os seus grupos aparece aqui assim que começa.',
    here: 'Com este dispositivo',
    hereText: 'Câmera ou tela, diretamente deste navegador. Nada a instalar.',
    ffmpeg: 'Com ffmpeg',
    ffmpegText: 'Cole esta linha e ponha a sua senha no lugar de PASSWORD. A imagem de teste pode ser qualquer fonte: um arquivo, uma câmera.',
  },

  play: {
    playerOf: (name: string) => `Player: ${name}`,
    live: 'Ao vivo',
    notPlaying: 'Parado',
    offline: 'Offline',
    stateWord: 'Estado',
    figures: 'Valores da reprodução',
    connecting: 'Conectando…',
    ended: 'O emissor parou.',
    comesBack: 'A imagem volta por si quando a transmissão voltar.',
    cannot: 'Não é possível reproduzir aqui',
    elsewhere: 'Talvez outro navegador consiga; VLC, ffplay e ATAK conseguem com os endereços indicados aqui.',
    againIn: (seconds: number) => `Próxima tentativa em ${seconds} s`,
    now: 'Tentar agora',
    play: 'Reproduzir',
    pause: 'Pausa',
    mute: 'Silenciar',
    unmute: 'Ligar o som',
    noAudioTrack: 'A transmissão não tem som',
    previous: 'Transmissão anterior',
    next: 'Transmissão seguinte',
    full: 'Tela cheia',
    leaveFull: 'Sair da tela cheia',
    noFullScreen: 'O navegador não permitiu a tela cheia.',
    pip: 'Picture-in-picture',
    noPip: 'O navegador não permitiu picture-in-picture.',
    snapshot: 'Captura',
    noSnapshot: 'Ainda não há imagem para capturar.',
    snapshotSaved: (file: string) => `Captura guardada: ${file}`,
    keys: 'Teclado',
    keyList: [
      ['Espaço', 'pausar e continuar ao vivo'],
      ['M', 'ligar e desligar o som'],
      ['F', 'tela cheia'],
      ['P', 'picture-in-picture'],
      ['S', 'captura'],
      ['← →', 'transmissão anterior e seguinte'],
      ['?', 'esta lista'],
      ['Ctrl K', 'ir para uma pessoa, transmissão, lugar ou página'],
    ],
    transport: 'Transporte',
    transports,
    preferences: { auto: 'Automático', webrtc: 'WebRTC', hls: 'HLS' },
    latency: 'Atraso',
    rate: 'Taxa',
    size: 'Imagem',
    loss: 'Perda',
    insteadHls: (transport: 'webrtc' | 'hls', why: string) =>
      transport === 'hls' ? `Reprodução por HLS, alguns segundos atrás: ${why}` : `Reprodução por WebRTC: ${why}`,
    noTransport: (transport: 'webrtc' | 'hls') => `Este navegador não tem ${transports[transport]}.`,
    cannotDecode: (codec: string, transport: 'webrtc' | 'hls') => `Este navegador não consegue decodificar ${codec} por ${transports[transport]}.`,
    bFrames: 'O emissor envia B-frames, que o WebRTC não transporta (ffmpeg: -bf 0).',
    nothingToPlay: 'A transmissão não tem imagem nem som.',
    noSound: (codec: string, transport: 'webrtc' | 'hls') =>
      transport === 'webrtc' ? `Sem som: o WebRTC não transporta ${codec}. Escolha HLS para ouvir.` : `Sem som: este navegador não consegue decodificar ${codec}.`,
    noPicture: (transport: 'webrtc' | 'hls') =>
      transport === 'webrtc' ? 'Não chegou imagem por WebRTC; talvez a rede bloqueie UDP.' : 'Não chegou imagem por HLS.',
    noAnswer: 'O servidor não respondeu a tempo.',
    iceFailed: 'O caminho de rede do WebRTC caiu; talvez o UDP esteja bloqueado.',
    closedByServer: 'O servidor encerrou a sessão.',
    stalled: 'Há algum tempo que não chegam pacotes.',
    closed: 'Fechado.',
    hlsFailed: (detail: string) => `O HLS parou (${detail}).`,
  },

  card: {
    about: (name: string) => `Sobre ${name}`,
    back: 'Todos os vídeos',
    publisher: 'Emissor',
    by: (protocol: string) => `por ${protocolOf(protocol)}`,
    since: 'Desde',
    tracks: 'Faixas',
    bFrames: 'com B-frames',
    rate: 'Taxa',
    total: (bytes: string) => `(${bytes} até agora)`,
    viewers: 'Espectadores',
    damaged: 'Danificados',
    damagedUnits: (n: number) => plural(n, 'frame omitido', 'frames omitidos'),
    offline: 'Esta transmissão não está ao vivo, ou os seus grupos não a alcançam.',
    end: 'Encerrar transmissão',
    endTitle: (name: string) => `Encerrar ${name}?`,
    endText: (user: string) =>
      `A conexão de ${user || 'quem transmite'} é fechada e todos os espectadores perdem a imagem. O emissor pode conectar-se de novo; para o impedir, desative a pessoa ou revogue a chave.`,
    ended: (name: string) => `A transmissão ${name} foi encerrada.`,
  },

  recordings: {
    title: 'Gravações',
    of: (stream: string) => `Gravações de ${stream}`,
    all: 'Gravações de todas as transmissões',
    stream: 'Transmissão',
    when: 'Início',
    length: 'Duração',
    size: 'Tamanho',
    from: 'De',
    open: 'em curso',
    play: 'Reproduzir',
    playing: (stream: string, time: string) => `${stream}, ${time}`,
    cannotPlay: 'Este navegador não consegue reproduzi-la; faça o download para o VLC ou outro player.',
    download: 'Download',
    remove: 'Apagar',
    removeTitle: (stream: string, time: string) => `Apagar a gravação de ${stream}, ${time}?`,
    removeText: 'O arquivo é apagado do servidor. Não é possível desfazer.',
    removed: 'A gravação foi apagada.',
    more: 'Mostrar mais antigas',
    emptyTitle: 'Nada gravado',
    emptyText: 'Uma transmissão é gravada quando a configuração o diz (media.paths, record: true) ou quando um operador inicia a gravação na página da transmissão.',
    start: 'Gravar',
    stop: 'Parar a gravação',
    state: 'Gravando',
    mark: 'REC',
    on: (name: string) => `${name} é gravada até terminar.`,
    off: (name: string) => `${name} já não é gravada.`,
  },

  addresses: {
    watch: 'Ver em outro lugar',
    publish: 'Transmitir de outro lugar',
    of: (protocol: string, app: string) => `Endereço ${protocolOf(protocol)} para ${app}`,
    qr: 'Código QR',
    qrOf: (protocol: string, app: string) => `Código QR do endereço ${protocolOf(protocol)} para ${app}`,
    qrNeedsKey: 'Um código QR precisa conter uma chave. Crie uma abaixo e todos os endereços daqui passam a contê-la.',
    keyText: 'Para outro dispositivo: uma chave que abre esta transmissão e nada mais, incluída nos endereços e códigos QR.',
    lifetime: 'Validade da chave',
    makeKey: 'Criar chave',
    hasKey: (day: string) => `Estes endereços contêm uma chave nova, válida até ${day}. Quem tiver um pode usá-la; revogue-a em Admin, Tokens e chaves.`,
  },

  publish: {
    title: 'Transmitir deste dispositivo',
    fromHere: 'Transmitir deste dispositivo',
    preview: 'Pré-visualização',
    noPreview: 'A pré-visualização aparece quando a câmera ou a tela está ligada.',
    soundOnly: 'Só som: não há imagem para mostrar.',
    show: 'Ligar',
    flip: 'Outra câmera',
    name: 'Nome da transmissão',
    nameHint: 'Letras, algarismos e . _ - ~, partes unidas por /',
    taken: (user: string) => `Há uma transmissão ao vivo com esse nome, de ${user}.`,
    source: 'O que enviar',
    sources: { camera: 'Câmera', screen: 'Tela', none: 'Som' },
    camera: 'Câmera',
    automatic: 'Automático',
    microphone: 'Com microfone',
    whichMicrophone: 'Microfone',
    height: 'Imagem',
    bitrate: 'No máximo',
    codec: 'Codec',
    codecHint: 'H264 funciona em toda parte. VP8 onde o dispositivo não consegue gerar H264.',
    codecWord: 'Codec',
    start: 'Iniciar transmissão',
    stop: 'Parar transmissão',
    watchIt: 'Ver como os outros veem',
    off: 'Sem transmissão',
    live: 'No ar',
    starting: 'Conectando…',
    interrupted: 'Interrompida',
    endedByServer: 'A transmissão foi encerrada no servidor, por um operador ou porque os seus direitos mudaram.',
    time: 'Há',
    up: 'Upload',
    rtt: 'Ida e volta',
    uplink: (loss: number, limit: 'none' | 'cpu' | 'bandwidth' | 'other'): string => {
      const drops = loss >= 0.005 ? `O seu uplink perde ${percent(loss)} dos pacotes` : '';
      if (limit === 'bandwidth') return drops ? `${drops}; a imagem foi reduzida.` : 'O seu uplink está cheio; a imagem foi reduzida para caber.';
      if (limit === 'cpu') return `${drops ? `${drops}. ` : ''}Este dispositivo está ocupado demais para a imagem completa; ela foi reduzida.`;
      return drops ? `${drops}.` : 'O uplink está limpo.';
    },
    denied: 'O navegador não teve permissão para usar câmera, microfone ou tela. Permita-o à esquerda da barra de endereços e tente de novo.',
    noDevice: 'Essa câmera ou esse microfone não existe aqui. Conecte um ou escolha outro.',
    busy: 'Outro programa usa a câmera ou o microfone. Feche-o e tente de novo.',
    insecure: 'Os navegadores só dão câmera e microfone a páginas abertas por HTTPS. Abra este servidor com https://.',
  },

  nameFaults: {
    empty: 'Uma transmissão precisa de um nome.',
    long: 'O nome tem mais de 160 caracteres.',
    deep: 'O nome tem mais de oito partes.',
    slash: 'Uma barra fica entre duas partes, não numa ponta nem duplicada.',
    dot: 'Nenhuma parte pode começar com um ponto.',
    characters: 'Só são permitidos letras, algarismos e . _ - ~, e / entre as partes.',
  },

  admin: {
    sections,
    filter: 'Filtrar',
    noMatch: 'Nada corresponde ao filtro.',
  },

  people: {
    add: 'Adicionar pessoa',
    person: 'Pessoa',
    name: 'Nome de acesso',
    nameHint: 'Não pode ser mudado depois.',
    fullName: 'Nome completo',
    password: 'Senha',
    passwordHint: 'Gerada ao acaso. Não volta a ser mostrada: copie-a agora.',
    role: 'Função',
    lastLogin: 'Último acesso',
    disabled: 'Desativada',
    disable: 'Desativada',
    disableText: 'Todas as sessões desta pessoa são fechadas no prazo de um segundo, em todos os protocolos.',
    notYourself: 'Não pode retirar os seus próprios direitos.',
    keepPassword: 'Deixe vazio para manter a atual.',
    in: 'IN',
    out: 'OUT',
    inMeans: 'Pode enviar ao grupo',
    outMeans: 'Recebe o que o grupo tem',
    explain: 'IN: pode enviar ao grupo. OUT: recebe o que o grupo tem. Os administradores veem todas as transmissões.',
    rights: (user: string, group: string) => `Direitos de ${user} em ${group}`,
    editTitle: (user: string) => `Editar ${user}`,
    added: (user: string) => `${user} já pode entrar.`,
    saved: (user: string) => `Dados de ${user} guardados.`,
    removeTitle: (user: string) => `Remover ${user}?`,
    removeText: 'A conta e os seus tokens, chaves e certificados deixam logo de valer, e todas as sessões abertas são fechadas. Não é possível desfazer; desativar, sim.',
    removed: (user: string) => `A conta de ${user} foi removida.`,
  },

  groups: {
    name: 'Novo grupo',
    description: 'Para que serve',
    add: 'Adicionar grupo',
    members: (n: number) => plural(n, 'membro', 'membros'),
    added: (group: string) => `O grupo ${group} foi adicionado.`,
    removeTitle: (group: string) => `Remover o grupo ${group}?`,
    removeText: (members: number) =>
      `${plural(members, 'membro perde', 'membros perdem')} o que este grupo dava. As transmissões que são só deste grupo passam a ser vistas apenas por administradores.`,
    removed: (group: string) => `O grupo ${group} foi removido.`,
  },

  tokens: {
    add: 'Novo token ou chave',
    name: 'Nome',
    nameHint: 'Para que serve: drone 2, OBS no estúdio',
    kind: 'Tipo',
    kinds: { token: 'Token', streamkey: 'Chave de transmissão' },
    kindMeans: {
      streamkey: 'Vai num endereço ou no campo de chave do OBS. Abre as transmissões indicadas abaixo e nada mais.',
      token: 'Para scripts: vai no cabeçalho Authorization.',
    },
    user: 'Pessoa',
    forUser: 'Para (vazio: a própria conta)',
    scope: 'Pode',
    mayDo: 'Pode',
    streams: 'Transmissões',
    everyStream: 'todas as transmissões',
    everything: 'Tudo o que a pessoa pode',
    never: 'Até ser revogado',
    streamsHint: {
      streamkey: 'Nomes ou padrões como uas/north/*; vários com vírgula.',
      token: 'Nomes ou padrões como uas/north/*; vários com vírgula. Vazio: todas as transmissões que a pessoa alcança.',
    },
    lifetime: 'Válido por',
    expires: 'Até',
    expired: 'Expirado',
    lastUsed: 'Último uso',
    make: 'Criar',
    needsAction: 'Escolha pelo menos uma coisa que pode fazer.',
    madeTitle: (name: string) => `${name}: pronto`,
    once: 'Isto é mostrado uma vez e não fica legível em lugar nenhum. Copie ou leia o código agora.',
    secret: 'O segredo',
    kept: 'Já o tenho',
    emptyTitle: 'Sem tokens nem chaves',
    emptyText: 'Com uma chave de transmissão, um drone, o OBS ou uma câmera transmite sem senha; com um token, um script usa a API. Ambos podem ser limitados, expirar e ser revogados.',
    revokeTitle: (name: string) => `Revogar ${name}?`,
    revokeText: 'O que o usa é desconectado no prazo de um segundo e não pode voltar com ele.',
    revoked: (name: string) => `${name}: acesso revogado.`,
  },

  sessions: {
    who: 'Quem',
    does: 'Faz',
    stream: 'Transmissão',
    by: 'Por',
    from: 'De',
    since: 'Há',
    nobody: 'sem identificação',
    certificate: 'com certificado',
    token: 'com token',
    none: 'Nada está aberto.',
    failures: 'Falhas de acesso',
    failure: (user: string, remote: string, protocol: string) => `${user || 'alguém'} de ${remote || 'algum lugar'}${protocol ? ` por ${protocol.toUpperCase()}` : ''}`,
    end: 'Encerrar',
    endTitle: (user: string) => `Encerrar esta sessão ${user ? `de ${user}` : 'sem identificação'}?`,
    endText: 'A conexão é fechada de imediato. A pessoa pode conectar-se de novo; para o impedir, desative a pessoa ou revogue o token.',
    ended: (user: string) => `A sessão ${user ? `de ${user}` : 'sem identificação'} foi encerrada.`,
  },

  certificates: {
    issue: 'Emitir certificado',
    ca: 'Certificado da CA',
    device: 'Dispositivo',
    deviceHint: 'tablet 7, viatura de rádio',
    state: 'Estado',
    valid: 'Válido',
    revoked: 'Revogado',
    issued: 'Emitido',
    fingerprint: 'Impressão digital',
    emptyTitle: 'Sem certificados',
    emptyText: 'Um certificado deixa entrar um dispositivo sem senha: ATAK, WinTAK, um navegador na porta 8443. É emitido aqui e pode ser revogado a qualquer momento.',
    password: 'Senha dos arquivos',
    passwordHint: 'É pedida ao abrir o arquivo no dispositivo.',
    madeTitle: (name: string) => `Certificado para ${name}`,
    once: 'A chave privada está no primeiro arquivo e em mais lugar nenhum. Guarde os arquivos agora.',
    p12: 'Certificado e chave (.p12)',
    truststore: 'Truststore para ATAK (.p12)',
    revokeTitle: (name: string) => `Revogar o certificado de ${name}?`,
    revokeText: (user: string) => `O dispositivo de ${user} é desconectado no prazo de um segundo e não pode voltar com ele. Não é possível desfazer.`,
    wasRevoked: (name: string) => `O certificado de ${name} foi revogado.`,
  },

  streams: {
    name: 'Transmissão',
    inOut: 'Entra / sai',
    faults: 'Danos / saltos',
    faultsMean: 'Frames omitidos por estarem danificados, e vezes em que um espectador ficou lento demais e saltou à frente',
    none: 'Nenhuma transmissão ao vivo.',
  },

  health: {
    allWell: 'Tudo funciona',
    sick: (n: number) => plural(n, 'ponto precisa de atenção', 'pontos precisam de atenção'),
    doors: 'Acessos',
    parts: 'Componentes',
    server: 'Servidor',
    open: 'Aberto',
    closed: 'Fechado',
    well: 'Em ordem',
    ill: 'Com falha',
    fix: 'Solução',
    name: 'Nome',
    version: 'Versão',
    hostNames: 'Nomes de host',
    ca: 'Impressão digital da CA',
    backup: 'Obter cópia de segurança',
  },
};
