/** Français. */
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

const plural = plurals('fr');
const protocolOf = (name: string) => protocolName(name, 'Page web');

const sections = {
  people: 'Personnes',
  tokens: 'Jetons et clés',
  sessions: 'Sessions',
  devices: 'Appareils',
  enrolment: 'Enrôlement',
  certificates: 'Certificats',
  profiles: 'Profils',
  streams: 'Flux',
  voice: 'Canaux vocaux',
  retention: 'Conservation',
  health: 'État',
};

function titleOf(route: Route): string {
  switch (route.page) {
    case 'login':
      return 'Connexion · Muster';
    case 'reset':
      return 'Nouveau mot de passe · Muster';
    case 'map':
      return 'Carte · Muster';
    case 'chat':
      return 'Chat · Muster';
    case 'files':
      return route.section === 'missions' ? 'Missions · Muster' : 'Fichiers · Muster';
    case 'wall':
      return 'Vidéo · Muster';
    case 'player':
      return `${route.name} · Muster`;
    case 'recordings':
      return 'Enregistrements · Muster';
    case 'publish':
      return 'Diffuser · Muster';
    case 'admin':
      return `${sections[route.section]} · Muster`;
    case 'rooms':
    case 'room':
    case 'join':
      return roomTitle(route);
    case 'missing':
      return 'Introuvable · Muster';
  }
}

export const fr: Catalogue = {
  titleOf,
  dateTime: (time: string | undefined) => {
    const text = dateTime(time);
    return text === '–' ? 'jamais' : text;
  },
  protocol: protocolOf,
  action: (name: string) =>
    ({ publish: 'diffuse', read: 'regarde', api: 'utilise la console', operate: 'opère', admin: 'administre' })[name] ?? name,
  actions: { publish: 'Diffuser', read: 'Regarder', api: 'Utiliser l’API', operate: 'Opérer', admin: 'Administrer' },
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
    cancel: 'Annuler',
    close: 'Fermer',
    save: 'Enregistrer',
    done: 'Terminé',
    edit: 'Modifier',
    remove: 'Supprimer',
    revoke: 'Révoquer',
    dismiss: 'Fermer',
    actions: 'Actions',
    loading: 'Chargement…',
    tryAgain: 'Réessayer',
    copied: 'Copié',
    copyOf: (what: string) => `Copier : ${what}`,
    copyFailed: 'Le navigateur n’a pas permis la copie. Sélectionnez le texte et copiez-le à la main.',
    days: (n: number) => plural(n, 'jour', 'jours'),
  },

  errors: {
    unreachable: 'Le serveur est injoignable. Vérifiez le réseau ; tout ici revient de soi-même.',
    notUnderstood: 'Le serveur a répondu quelque chose que cette console ne comprend pas. Rechargez la page.',
    unknown: 'Quelque chose s’est mal passé ici. Rechargez la page et réessayez.',
    status: (status: number, retryAfter?: number): string => {
      if (status === 401) return 'Vous n’êtes plus connecté.';
      if (status === 403) return 'Vos droits ne le permettent pas.';
      if (status === 404) return 'Cela n’existe pas (ou plus).';
      if (status === 409) return 'Cela existe déjà ou est utilisé.';
      if (status === 413) return 'C’est plus grand que ce que le serveur accepte.';
      if (status === 429) return retryAfter ? `Trop d’essais. Attendez ${plural(retryAfter, 'seconde', 'secondes')}.` : 'Trop d’essais. Attendez un moment.';
      if (status >= 500) return 'Le serveur n’a pas pu le faire. Son journal dit pourquoi.';
      return `Le serveur a refusé (statut ${status}).`;
    },
  },

  frame: {
    skip: 'Aller au contenu',
    home: 'Muster, vers la carte',
    map: 'Carte',
    chat: 'Chat',
    files: 'Fichiers',
    unread: (n: number) => plural(n, 'nouveau', 'nouveaux'),
    lenses: 'Vues',
    video: 'Vidéo',
    publish: 'Diffuser',
    admin: 'Admin',
    groups: 'Groupes',
    groupsShown: (shown: number, all: number) => `Groupes affichés : ${shown}/${all}`,
    search: 'Aller à…',
    clock: 'Heure locale et heure Zulu',
    connecting: 'Connexion…',
    noServer: 'Pas de connexion au serveur',
    notLoaded: 'Cette page n’a pas pu être chargée : le serveur est injoignable, ou il a été mis à jour entre-temps.',
    reload: 'Recharger',
    reconnecting: (seconds: number) => `Reconnexion ${seconds} s`,
    state: { off: 'Hors ligne', connecting: 'Connexion', live: 'En direct', waiting: 'Reconnexion' },
    announce: {
      off: 'Hors ligne',
      connecting: '',
      live: 'En direct : ce que vous voyez est à jour.',
      waiting: 'La connexion est perdue et revient d’elle-même. Ce que vous voyez peut être ancien.',
    },
  },

  roles: { admin: 'Administrateur', operator: 'Opérateur', member: 'Membre' },
  roleMeans: {
    member: 'utilise ce que les groupes permettent',
    operator: 'voit et ferme aussi les sessions des groupes',
    admin: 'tout',
  },

  menu: {
    label: (user: string) => `${user} : compte et apparence`,
    theme: 'Apparence',
    themes: { dark: 'Sombre', light: 'Clair', system: 'Système' },
    language: 'Langue',
    password: 'Changer le mot de passe',
    currentPassword: 'Mot de passe actuel',
    newPassword: 'Nouveau mot de passe',
    passwordChanged: 'Le mot de passe est changé.',
    logout: 'Se déconnecter',
  },

  login: {
    title: 'Connexion à Muster',
    user: 'Nom',
    password: 'Mot de passe',
    show: 'Voir',
    hide: 'Masquer',
    submit: 'Se connecter',
    busy: 'Connexion…',
    wrong: 'Le nom et le mot de passe ne correspondent pas. Vérifiez les deux ; les majuscules comptent.',
    lost: 'Mot de passe perdu ? Un administrateur peut en définir un nouveau.',
    ...login,
  },

  palette: {
    title: 'Aller à une personne, un flux, un lieu, un salon ou une page',
    placeholder: 'Personne, flux, salon, page, 32T PT 81 37 ou 47.27, 11.40',
    place: 'lieu',
    contact: (user: string, connected: boolean) => `${user ? `${user}, ` : ''}${connected ? 'connecté' : 'non connecté'}`,
    item: 'sur la carte',
    room: 'salon de chat',
    mission: 'mission',
    account: 'compte',
    results: 'Où aller',
    page: 'page',
    stream: (user: string) => `en direct, de ${user}`,
    nothing: 'Rien de ce nom.',
  },

  missing: {
    title: 'Il n’y a rien ici',
    text: 'L’adresse est fausse, ou vos droits ne vont pas jusqu’à cette page.',
    back: 'Vers la carte',
  },

  wall: {
    title: 'Vidéo',
    count: (n: number) => plural(n, 'flux', 'flux'),
    filter: 'Filtrer par nom, personne, groupe',
    filterShort: 'Filtrer',
    tiles: 'Tuiles à l’écran',
    auto: 'Auto',
    loading: 'Chargement des flux…',
    noMatch: (text: string) => `Aucun flux en direct ne correspond à « ${text} ».`,
    allHidden: 'Des flux sont en direct, mais tous leurs groupes sont masqués ci-dessus.',
    showAll: 'Tout afficher',
    movedTo: (name: string, position: number, all: number) => `${name} est maintenant à la place ${position} sur ${all}.`,
  },

  tile: {
    play: (name: string) => `Lire ${name} dans cette tuile`,
    stop: (name: string) => `Arrêter ${name} dans cette tuile`,
    move: (name: string) => `Déplacer ${name} ; les flèches marchent aussi`,
    moveHow: 'Glissez pour ranger ; les flèches marchent aussi',
    viewers: (n: number) => plural(n, 'spectateur', 'spectateurs'),
    age: (age: string) => `en direct depuis ${age}`,
  },

  still: {
    noVideo: 'Son seul',
    none: 'En attente de la première image clé',
    undecodable: 'Ce navigateur ne peut pas montrer ce codec en image fixe',
    error: 'Pas d’image : le serveur n’a pas répondu',
    loading: 'Chargement de l’image…',
  },

  empty: {
    title: 'Aucun flux en direct',
    text: 'Chaque flux diffusé à vos groupes apparaît ici dès qu’il démarre. Lancez-en un :',
    readOnly: 'Chaque flux diffusé à vos groupes apparaît ici dès qu’il démarre.',
    here: 'Avec cet appareil',
    hereText: 'Caméra ou écran, directement depuis ce navigateur. Rien à installer.',
    ffmpeg: 'Avec ffmpeg',
    ffmpegText: 'Collez cette ligne et remplacez PASSWORD par votre mot de passe. L’image de test peut être toute autre source : un fichier, une caméra.',
  },

  play: {
    playerOf: (name: string) => `Lecteur : ${name}`,
    live: 'En direct',
    notPlaying: 'Pas de lecture',
    offline: 'Hors ligne',
    stateWord: 'État',
    figures: 'Chiffres de la lecture',
    connecting: 'Connexion…',
    ended: 'La source s’est arrêtée.',
    comesBack: 'L’image revient d’elle-même avec le flux.',
    cannot: 'Lecture impossible ici',
    elsewhere: 'Un autre navigateur le peut peut-être ; VLC, ffplay et ATAK le peuvent avec les adresses d’ici.',
    againIn: (seconds: number) => `Prochain essai dans ${seconds} s`,
    now: 'Essayer maintenant',
    play: 'Lire',
    pause: 'Pause',
    mute: 'Couper le son',
    unmute: 'Activer le son',
    noAudioTrack: 'Le flux n’a pas de son',
    previous: 'Flux précédent',
    next: 'Flux suivant',
    full: 'Plein écran',
    leaveFull: 'Quitter le plein écran',
    noFullScreen: 'Le navigateur n’a pas permis le plein écran.',
    pip: 'Incrustation',
    noPip: 'Le navigateur n’a pas permis l’incrustation.',
    snapshot: 'Capture',
    noSnapshot: 'Il n’y a pas encore d’image à capturer.',
    snapshotSaved: (file: string) => `Capture enregistrée : ${file}`,
    keys: 'Clavier',
    keyList: [
      ['Espace', 'pause et reprise en direct'],
      ['M', 'son activé ou coupé'],
      ['F', 'plein écran'],
      ['P', 'incrustation'],
      ['S', 'capture'],
      ['← →', 'flux précédent et suivant'],
      ['?', 'cette liste'],
      ['Ctrl K', 'aller à une personne, un flux, un lieu ou une page'],
    ],
    transport: 'Transport',
    transports,
    preferences: { auto: 'Automatique', webrtc: 'WebRTC', hls: 'HLS' },
    latency: 'Retard',
    rate: 'Débit',
    size: 'Image',
    loss: 'Pertes',
    insteadHls: (transport: 'webrtc' | 'hls', why: string) =>
      transport === 'hls' ? `Lecture par HLS, quelques secondes de retard : ${why}` : `Lecture par WebRTC : ${why}`,
    noTransport: (transport: 'webrtc' | 'hls') => `Ce navigateur n’a pas ${transports[transport]}.`,
    cannotDecode: (codec: string, transport: 'webrtc' | 'hls') => `Ce navigateur ne peut pas décoder ${codec} par ${transports[transport]}.`,
    bFrames: 'La source envoie des images B, que WebRTC ne peut pas transporter (ffmpeg : -bf 0).',
    nothingToPlay: 'Le flux n’a ni image ni son.',
    noSound: (codec: string, transport: 'webrtc' | 'hls') =>
      transport === 'webrtc' ? `Pas de son : WebRTC ne peut pas transporter ${codec}. Choisissez HLS pour l’entendre.` : `Pas de son : ce navigateur ne peut pas décoder ${codec}.`,
    noPicture: (transport: 'webrtc' | 'hls') =>
      transport === 'webrtc' ? 'Aucune image par WebRTC ; le réseau bloque peut-être UDP.' : 'Aucune image par HLS.',
    noAnswer: 'Le serveur n’a pas répondu à temps.',
    iceFailed: 'Le chemin réseau de WebRTC est rompu ; UDP est peut-être bloqué.',
    closedByServer: 'Le serveur a fermé la session.',
    stalled: 'Aucun paquet depuis un moment.',
    closed: 'Fermé.',
    hlsFailed: (detail: string) => `HLS s’est arrêté (${detail}).`,
  },

  card: {
    about: (name: string) => `Sur ${name}`,
    back: 'Toutes les vidéos',
    publisher: 'Source',
    by: (protocol: string) => `par ${protocolOf(protocol)}`,
    since: 'Depuis',
    tracks: 'Pistes',
    bFrames: 'avec images B',
    rate: 'Débit',
    total: (bytes: string) => `(${bytes} jusqu’ici)`,
    viewers: 'Spectateurs',
    damaged: 'Abîmé',
    damagedUnits: (n: number) => plural(n, 'image omise', 'images omises'),
    offline: 'Ce flux n’est pas en direct, ou vos groupes n’y ont pas accès.',
    end: 'Arrêter le flux',
    endTitle: (name: string) => `Arrêter ${name} ?`,
    endText: (user: string) =>
      `La connexion de ${user || 'la source'} est fermée et tous les spectateurs perdent l’image. La source peut se reconnecter ; pour l’empêcher, désactivez la personne ou révoquez la clé.`,
    ended: (name: string) => `${name} a été arrêté.`,
  },

  recordings: {
    title: 'Enregistrements',
    of: (stream: string) => `Enregistrements de ${stream}`,
    all: 'Enregistrements de tous les flux',
    stream: 'Flux',
    when: 'Début',
    length: 'Durée',
    size: 'Taille',
    from: 'De',
    open: 'en cours',
    play: 'Lire',
    playing: (stream: string, time: string) => `${stream}, ${time}`,
    cannotPlay: 'Ce navigateur ne peut pas le lire ; téléchargez-le pour VLC ou un autre lecteur.',
    download: 'Télécharger',
    remove: 'Supprimer',
    removeTitle: (stream: string, time: string) => `Supprimer l’enregistrement de ${stream}, ${time} ?`,
    removeText: 'Le fichier est supprimé du serveur, sans retour possible.',
    removed: 'L’enregistrement est supprimé.',
    more: 'Afficher les plus anciens',
    emptyTitle: 'Rien n’est enregistré',
    emptyText: 'Un flux est enregistré quand la configuration le dit (media.paths, record: true) ou quand un opérateur le lance sur la page du flux.',
    start: 'Enregistrer',
    stop: 'Arrêter l’enregistrement',
    state: 'Enregistrement en cours',
    mark: 'REC',
    on: (name: string) => `${name} est enregistré jusqu’à sa fin.`,
    off: (name: string) => `${name} n’est plus enregistré.`,
  },

  addresses: {
    watch: 'Regarder ailleurs',
    publish: 'Diffuser d’ailleurs',
    of: (protocol: string, app: string) => `Adresse ${protocolOf(protocol)} pour ${app}`,
    qr: 'Code QR',
    qrOf: (protocol: string, app: string) => `Code QR de l’adresse ${protocolOf(protocol)} pour ${app}`,
    qrNeedsKey: 'Un code à scanner doit contenir une clé. Créez-en une ci-dessous, et chaque adresse ici la portera.',
    keyText: 'Pour un autre appareil : une clé qui ouvre ce flux et rien d’autre, mise dans les adresses et les codes QR.',
    lifetime: 'Durée de validité de la clé',
    makeKey: 'Créer une clé',
    hasKey: (day: string) => `Ces adresses contiennent une nouvelle clé, valable jusqu’au ${day}. Qui en a une peut s’en servir ; révoquez-la sous Admin, Jetons et clés.`,
  },

  publish: {
    title: 'Diffuser de cet appareil',
    fromHere: 'Diffuser de cet appareil',
    preview: 'Aperçu',
    noPreview: 'L’aperçu apparaît quand la caméra ou l’écran est activé.',
    soundOnly: 'Son seul : il n’y a pas d’image à montrer.',
    show: 'Activer',
    flip: 'Autre caméra',
    name: 'Nom du flux',
    nameHint: 'Lettres, chiffres et . _ - ~, parties séparées par /',
    taken: (user: string) => `Un flux de ce nom est en direct, de ${user}.`,
    source: 'Quoi envoyer',
    sources: { camera: 'Caméra', screen: 'Écran', none: 'Son' },
    camera: 'Caméra',
    automatic: 'Automatique',
    microphone: 'Avec micro',
    whichMicrophone: 'Micro',
    height: 'Image',
    bitrate: 'Au plus',
    codec: 'Codec',
    codecHint: 'H264 se lit partout. VP8 là où l’appareil ne produit pas de H264.',
    codecWord: 'Codec',
    start: 'Commencer à diffuser',
    stop: 'Arrêter de diffuser',
    watchIt: 'Voir comme les autres',
    off: 'Pas de diffusion',
    live: 'Vous êtes en direct',
    starting: 'Connexion…',
    interrupted: 'Interrompu',
    endedByServer: 'Le flux a été arrêté sur le serveur, par un opérateur ou parce que vos droits ont changé.',
    time: 'Depuis',
    up: 'Envoi',
    rtt: 'Aller-retour',
    uplink: (loss: number, limit: 'none' | 'cpu' | 'bandwidth' | 'other'): string => {
      const drops = loss >= 0.005 ? `Votre liaison montante perd ${percent(loss)} des paquets` : '';
      if (limit === 'bandwidth') return drops ? `${drops} ; l’image a été réduite.` : 'Votre liaison montante est pleine ; l’image a été réduite.';
      if (limit === 'cpu') return `${drops ? `${drops}. ` : ''}Cet appareil est trop chargé pour l’image entière ; elle a été réduite.`;
      return drops ? `${drops}.` : 'La liaison montante est bonne.';
    },
    denied: 'Le navigateur n’a pas eu le droit d’utiliser caméra, micro ou écran. Autorisez-le à gauche de la barre d’adresse et réessayez.',
    noDevice: 'Cette caméra ou ce micro n’existe pas ici. Branchez-en un ou choisissez-en un autre.',
    busy: 'Un autre programme utilise la caméra ou le micro. Fermez-le et réessayez.',
    insecure: 'Les navigateurs ne donnent caméra et micro qu’aux pages ouvertes en HTTPS. Ouvrez ce serveur avec https://.',
  },

  nameFaults: {
    empty: 'Un flux a besoin d’un nom.',
    long: 'Le nom dépasse 160 caractères.',
    deep: 'Le nom a plus de huit parties.',
    slash: 'Une barre oblique sépare deux parties, ni au bout ni doublée.',
    dot: 'Aucune partie ne peut commencer par un point.',
    characters: 'Seuls lettres, chiffres et . _ - ~ sont permis, et / entre les parties.',
  },

  admin: {
    sections,
    filter: 'Filtrer',
    noMatch: 'Rien ne correspond au filtre.',
  },

  people: {
    add: 'Ajouter une personne',
    person: 'Personne',
    name: 'Nom de connexion',
    nameHint: 'Ne peut plus être changé ensuite.',
    fullName: 'Nom complet',
    password: 'Mot de passe',
    passwordHint: 'Proposé au hasard. Il ne sera plus montré : copiez-le maintenant.',
    role: 'Rôle',
    lastLogin: 'Dernière connexion',
    disabled: 'Désactivé',
    disable: 'Désactivé',
    disableText: 'Chaque session de cette personne est fermée en une seconde, sur tous les protocoles.',
    notYourself: 'Vous ne pouvez pas retirer vos propres droits.',
    keepPassword: 'Laissez vide pour garder l’actuel.',
    in: 'IN',
    out: 'OUT',
    inMeans: 'Peut diffuser au groupe',
    outMeans: 'Reçoit ce que le groupe contient',
    explain: 'IN : peut diffuser au groupe. OUT : reçoit ce que le groupe contient. Les administrateurs voient tous les flux.',
    rights: (user: string, group: string) => `Droits de ${user} dans ${group}`,
    editTitle: (user: string) => `Modifier ${user}`,
    added: (user: string) => `${user} peut maintenant se connecter.`,
    saved: (user: string) => `${user} est enregistré.`,
    removeTitle: (user: string) => `Supprimer ${user} ?`,
    removeText: 'Le compte, ses jetons, clés et certificats cessent aussitôt de marcher, et chaque session ouverte est fermée. C’est irréversible ; désactiver ne l’est pas.',
    removed: (user: string) => `${user} est supprimé.`,
  },

  groups: {
    name: 'Nouveau groupe',
    description: 'À quoi il sert',
    add: 'Ajouter un groupe',
    members: (n: number) => plural(n, 'membre', 'membres'),
    added: (group: string) => `Le groupe ${group} est ajouté.`,
    removeTitle: (group: string) => `Supprimer le groupe ${group} ?`,
    removeText: (members: number) =>
      `${plural(members, 'membre perd', 'membres perdent')} ce que ce groupe donnait. Les flux de ce seul groupe ne sont alors vus que des administrateurs.`,
    removed: (group: string) => `Le groupe ${group} est supprimé.`,
  },

  tokens: {
    add: 'Nouveau jeton ou clé',
    name: 'Nom',
    nameHint: 'À quoi il sert : drone 2, OBS du studio',
    kind: 'Sorte',
    kinds: { token: 'Jeton', streamkey: 'Clé de flux' },
    kindMeans: {
      streamkey: 'Se met dans une adresse ou dans le champ clé d’OBS. Ouvre les flux nommés ci-dessous et rien d’autre.',
      token: 'Pour les scripts : se met dans l’en-tête Authorization.',
    },
    user: 'Personne',
    forUser: 'Pour (vide : vous-même)',
    scope: 'Peut',
    mayDo: 'Peut',
    streams: 'Flux',
    everyStream: 'tous les flux',
    everything: 'Tout ce que la personne peut',
    never: 'Jusqu’à révocation',
    streamsHint: {
      streamkey: 'Noms ou motifs comme uas/north/* ; plusieurs avec une virgule.',
      token: 'Noms ou motifs comme uas/north/* ; plusieurs avec une virgule. Vide : tous les flux que la personne atteint.',
    },
    lifetime: 'Valable',
    expires: 'Jusqu’au',
    expired: 'Expiré',
    lastUsed: 'Dernier usage',
    make: 'Créer',
    needsAction: 'Choisissez au moins une chose permise.',
    madeTitle: (name: string) => `${name} est prêt`,
    once: 'Ceci est montré une fois et n’est gardé lisible nulle part. Copiez ou scannez maintenant.',
    secret: 'Le secret',
    kept: 'Je l’ai',
    emptyTitle: 'Aucun jeton, aucune clé',
    emptyText: 'Une clé de flux permet à un drone, à OBS ou à une caméra de diffuser sans mot de passe ; un jeton permet à un script d’utiliser l’API. Les deux se limitent, expirent et se révoquent.',
    revokeTitle: (name: string) => `Révoquer ${name} ?`,
    revokeText: 'Ce qui l’utilise est déconnecté en une seconde et ne peut plus revenir avec.',
    revoked: (name: string) => `${name} est révoqué.`,
  },

  sessions: {
    who: 'Qui',
    does: 'Fait',
    stream: 'Flux',
    by: 'Par',
    from: 'De',
    since: 'Depuis',
    nobody: 'anonyme',
    certificate: 'avec certificat',
    token: 'avec jeton',
    none: 'Rien n’est ouvert.',
    failures: 'Connexions échouées',
    failure: (user: string, remote: string, protocol: string) => `${user || 'quelqu’un'} depuis ${remote || 'quelque part'}${protocol ? ` par ${protocol.toUpperCase()}` : ''}`,
    end: 'Fermer',
    endTitle: (user: string) => `Fermer cette session de ${user || 'anonyme'} ?`,
    endText: 'La connexion est fermée aussitôt. La personne peut se reconnecter ; pour l’empêcher, désactivez-la ou révoquez le jeton.',
    ended: (user: string) => `La session de ${user || 'anonyme'} a été fermée.`,
  },

  certificates: {
    issue: 'Émettre un certificat',
    ca: 'Certificat de l’AC',
    device: 'Appareil',
    deviceHint: 'tablette 7, véhicule radio',
    state: 'État',
    valid: 'Valide',
    revoked: 'Révoqué',
    issued: 'Émis',
    fingerprint: 'Empreinte',
    emptyTitle: 'Aucun certificat',
    emptyText: 'Un certificat fait entrer un appareil sans mot de passe : ATAK, WinTAK, un navigateur sur le port 8443. Il est émis ici et peut être révoqué à tout moment.',
    password: 'Mot de passe des fichiers',
    passwordHint: 'Demandé à l’ouverture du fichier sur l’appareil.',
    madeTitle: (name: string) => `Certificat pour ${name}`,
    once: 'La clé privée est dans le premier fichier et nulle part ailleurs. Enregistrez les fichiers maintenant.',
    p12: 'Certificat et clé (.p12)',
    truststore: 'Magasin de confiance pour ATAK (.p12)',
    revokeTitle: (name: string) => `Révoquer le certificat de ${name} ?`,
    revokeText: (user: string) => `L’appareil de ${user} est déconnecté en une seconde et ne peut plus revenir avec. C’est irréversible.`,
    wasRevoked: (name: string) => `Le certificat de ${name} est révoqué.`,
  },

  streams: {
    name: 'Flux',
    inOut: 'Entrée / sortie',
    faults: 'Abîmés / sauts',
    faultsMean: 'Images omises parce qu’abîmées, et fois où un spectateur trop lent a sauté en avant',
    none: 'Aucun flux en direct.',
  },

  health: {
    allWell: 'Tout fonctionne',
    sick: (n: number) => plural(n, 'point demande attention', 'points demandent attention'),
    doors: 'Accès',
    parts: 'Éléments',
    server: 'Serveur',
    open: 'Ouvert',
    closed: 'Fermé',
    well: 'En ordre',
    ill: 'En panne',
    fix: 'Remède',
    name: 'Nom',
    version: 'Version',
    hostNames: 'Noms d’hôte',
    ca: 'Empreinte de l’AC',
    backup: 'Télécharger la sauvegarde',
  },
};
