/** Ελληνικά. Το publish λέγεται εδώ εκπομπή: σύντομο, όπως το λένε οι ομάδες. */
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

const plural = plurals('el');
const protocolOf = (name: string) => protocolName(name, 'Ιστοσελίδα');

const sections = {
  people: 'Άτομα',
  tokens: 'Token και κλειδιά',
  sessions: 'Συνεδρίες',
  devices: 'Συσκευές',
  enrolment: 'Εγγραφή',
  certificates: 'Πιστοποιητικά',
  profiles: 'Προφίλ',
  streams: 'Ροές',
  voice: 'Κανάλια φωνής',
  retention: 'Διατήρηση',
  health: 'Κατάσταση',
};

function titleOf(route: Route): string {
  switch (route.page) {
    case 'login':
      return 'Σύνδεση · Muster';
    case 'reset':
      return 'Νέος κωδικός πρόσβασης · Muster';
    case 'map':
      return 'Χάρτης · Muster';
    case 'chat':
      return 'Συνομιλία · Muster';
    case 'files':
      return route.section === 'missions' ? 'Αποστολές · Muster' : 'Αρχεία · Muster';
    case 'wall':
      return 'Βίντεο · Muster';
    case 'player':
      return `${route.name} · Muster`;
    case 'recordings':
      return 'Εγγραφές βίντεο · Muster';
    case 'publish':
      return 'Εκπομπή · Muster';
    case 'admin':
      return `${sections[route.section]} · Muster`;
    case 'rooms':
    case 'room':
    case 'join':
      return roomTitle(route);
    case 'missing':
      return 'Δεν βρέθηκε · Muster';
  }
}

export const el: Catalogue = {
  titleOf,
  dateTime: (time: string | undefined) => {
    const text = dateTime(time);
    return text === '–' ? 'ποτέ' : text;
  },
  protocol: protocolOf,
  action: (name: string) =>
    ({ publish: 'εκπέμπει', read: 'παρακολουθεί', api: 'χρησιμοποιεί την κονσόλα', operate: 'χειρίζεται', admin: 'διαχειρίζεται' })[name] ?? name,
  actions: { publish: 'Εκπομπή', read: 'Προβολή', api: 'Χρήση του API', operate: 'Χειρισμός', admin: 'Διαχείριση' },
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
    cancel: 'Άκυρο',
    close: 'Κλείσιμο',
    save: 'Αποθήκευση',
    done: 'Έτοιμο',
    edit: 'Επεξεργασία',
    remove: 'Αφαίρεση',
    revoke: 'Ανάκληση',
    dismiss: 'Απόρριψη',
    actions: 'Ενέργειες',
    loading: 'Φόρτωση…',
    tryAgain: 'Νέα προσπάθεια',
    copied: 'Αντιγράφηκε',
    copyOf: (what: string) => `Αντιγραφή: ${what}`,
    copyFailed: 'Το πρόγραμμα περιήγησης δεν επέτρεψε την αντιγραφή. Επιλέξτε το κείμενο και αντιγράψτε το χειροκίνητα.',
    days: (n: number) => plural(n, 'ημέρα', 'ημέρες'),
  },

  errors: {
    unreachable: 'Ο διακομιστής δεν είναι προσβάσιμος. Ελέγξτε το δίκτυο· όλα εδώ επανέρχονται αυτόματα.',
    notUnderstood: 'Ο διακομιστής έστειλε απάντηση που αυτή η κονσόλα δεν καταλαβαίνει. Φορτώστε ξανά τη σελίδα.',
    unknown: 'Παρουσιάστηκε σφάλμα. Φορτώστε ξανά τη σελίδα και δοκιμάστε πάλι.',
    status: (status: number, retryAfter?: number): string => {
      if (status === 401) return 'Δεν είστε πλέον συνδεδεμένοι.';
      if (status === 403) return 'Τα δικαιώματά σας δεν το επιτρέπουν.';
      if (status === 404) return 'Αυτό δεν υπάρχει (πλέον).';
      if (status === 409) return 'Αυτό υπάρχει ήδη ή χρησιμοποιείται.';
      if (status === 413) return 'Αυτό είναι μεγαλύτερο από όσο δέχεται ο διακομιστής.';
      if (status === 429) return retryAfter ? `Πάρα πολλές προσπάθειες. Περιμένετε ${plural(retryAfter, 'δευτερόλεπτο', 'δευτερόλεπτα')}.` : 'Πάρα πολλές προσπάθειες. Περιμένετε λίγο.';
      if (status >= 500) return 'Ο διακομιστής δεν μπόρεσε να το κάνει. Η αιτία βρίσκεται στο αρχείο καταγραφής του.';
      return `Ο διακομιστής το αρνήθηκε (κατάσταση ${status}).`;
    },
  },

  frame: {
    skip: 'Μετάβαση στο περιεχόμενο',
    home: 'Muster, στον χάρτη',
    map: 'Χάρτης',
    chat: 'Συνομιλία',
    files: 'Αρχεία',
    unread: (n: number) => `${n} νέα`,
    lenses: 'Προβολές',
    video: 'Βίντεο',
    publish: 'Εκπομπή',
    admin: 'Διαχείριση',
    groups: 'Ομάδες',
    groupsShown: (shown: number, all: number) => `Ομάδες που εμφανίζονται: ${shown}/${all}`,
    search: 'Μετάβαση…',
    clock: 'Τοπική ώρα και ώρα Zulu',
    connecting: 'Σύνδεση…',
    noServer: 'Δεν υπάρχει σύνδεση με τον διακομιστή',
    notLoaded: 'Η σελίδα δεν φορτώθηκε: ο διακομιστής δεν είναι προσβάσιμος ή στο μεταξύ αναβαθμίστηκε.',
    reload: 'Νέα φόρτωση',
    reconnecting: (seconds: number) => `Επανασύνδεση σε ${seconds} s`,
    state: { off: 'Εκτός σύνδεσης', connecting: 'Σύνδεση', live: 'Ζωντανά', waiting: 'Επανασύνδεση' },
    announce: {
      off: 'Εκτός σύνδεσης',
      connecting: '',
      live: 'Ζωντανά: αυτό που βλέπετε είναι τρέχον.',
      waiting: 'Η σύνδεση χάθηκε και επανέρχεται αυτόματα. Αυτό που βλέπετε μπορεί να είναι παλιό.',
    },
  },

  roles: { admin: 'Διαχειριστής', operator: 'Χειριστής', member: 'Μέλος' },
  roleMeans: {
    member: 'χρησιμοποιεί ό,τι επιτρέπουν οι ομάδες',
    operator: 'βλέπει και τερματίζει επίσης συνεδρίες των ομάδων',
    admin: 'τα πάντα',
  },

  menu: {
    label: (user: string) => `${user}: λογαριασμός και εμφάνιση`,
    theme: 'Εμφάνιση',
    themes: { dark: 'Σκούρο', light: 'Ανοιχτό', system: 'Σύστημα' },
    language: 'Γλώσσα',
    password: 'Αλλαγή κωδικού πρόσβασης',
    currentPassword: 'Τρέχων κωδικός πρόσβασης',
    newPassword: 'Νέος κωδικός πρόσβασης',
    passwordChanged: 'Ο κωδικός πρόσβασης άλλαξε.',
    logout: 'Αποσύνδεση',
  },

  login: {
    title: 'Σύνδεση στο Muster',
    user: 'Όνομα',
    password: 'Κωδικός πρόσβασης',
    show: 'Εμφάνιση',
    hide: 'Απόκρυψη',
    submit: 'Σύνδεση',
    busy: 'Σύνδεση…',
    wrong: 'Το όνομα και ο κωδικός δεν ταιριάζουν. Ελέγξτε και τα δύο· τα κεφαλαία μετρούν.',
    lost: 'Χάσατε τον κωδικό; Ένας διαχειριστής μπορεί να ορίσει νέο.',
    ...login,
  },

  palette: {
    title: 'Μετάβαση σε άτομο, ροή, τόπο, δωμάτιο ή σελίδα',
    placeholder: 'Άτομο, ροή, δωμάτιο, σελίδα, 32T PT 81 37 ή 47.27, 11.40',
    place: 'τόπος',
    contact: (user: string, connected: boolean) => `${user ? `${user}, ` : ''}${connected ? 'σε σύνδεση' : 'χωρίς σύνδεση'}`,
    item: 'στον χάρτη',
    room: 'δωμάτιο συνομιλίας',
    mission: 'αποστολή',
    account: 'λογαριασμός',
    results: 'Προορισμοί',
    page: 'σελίδα',
    stream: (user: string) => `ζωντανά, από ${user}`,
    nothing: 'Τίποτα με αυτό το όνομα.',
  },

  missing: {
    title: 'Δεν υπάρχει τίποτα εδώ',
    text: 'Η διεύθυνση είναι λάθος ή τα δικαιώματά σας δεν φτάνουν σε αυτή τη σελίδα.',
    back: 'Στον χάρτη',
  },

  wall: {
    title: 'Βίντεο',
    count: (n: number) => plural(n, 'ροή', 'ροές'),
    filter: 'Φίλτρο κατά όνομα, άτομο, ομάδα',
    filterShort: 'Φίλτρο',
    tiles: 'Πλακίδια στην οθόνη',
    auto: 'Αυτόματα',
    loading: 'Φόρτωση των ροών…',
    noMatch: (text: string) => `Καμία ζωντανή ροή δεν ταιριάζει με «${text}».`,
    allHidden: 'Υπάρχουν ζωντανές ροές, αλλά όλες οι ομάδες τους είναι απενεργοποιημένες παραπάνω.',
    showAll: 'Εμφάνιση όλων',
    movedTo: (name: string, position: number, all: number) => `${name}: τώρα στη θέση ${position} από ${all}.`,
  },

  tile: {
    play: (name: string) => `Αναπαραγωγή σε αυτό το πλακίδιο: ${name}`,
    stop: (name: string) => `Διακοπή σε αυτό το πλακίδιο: ${name}`,
    move: (name: string) => `Μετακίνηση: ${name}· και με τα βέλη`,
    moveHow: 'Σύρετε για διάταξη· και με τα βέλη',
    viewers: (n: number) => `${n} παρακολουθούν`,
    age: (age: string) => `ζωντανά εδώ και ${age}`,
  },

  still: {
    noVideo: 'Μόνο ήχος',
    none: 'Αναμονή του πρώτου βασικού καρέ',
    undecodable: 'Το πρόγραμμα περιήγησης δεν μπορεί να δείξει αυτόν τον codec ως στατική εικόνα',
    error: 'Χωρίς εικόνα: ο διακομιστής δεν απάντησε',
    loading: 'Φόρτωση της εικόνας…',
  },

  empty: {
    title: 'Καμία ζωντανή ροή',
    text: 'Κάθε ροή που εκπέμπει κάποιος στις ομάδες σας εμφανίζεται εδώ μόλις ξεκινήσει. Ξεκινήστε μία:',
    readOnly: 'Κάθε ροή που εκπέμπει κάποιος στις ομάδες σας εμφανίζεται εδώ μόλις ξεκινήσει.',
    here: 'Με αυτή τη συσκευή',
    hereText: 'Κάμερα ή οθόνη, απευθείας από αυτό το πρόγραμμα περιήγησης. Χωρίς εγκατάσταση.',
    ffmpeg: 'Με ffmpeg',
    ffmpegText: 'Επικολλήστε αυτή τη γραμμή και βάλτε τον κωδικό σας στη θέση του PASSWORD. Αντί για τη δοκιμαστική εικόνα, κάθε είσοδος κάνει: αρχείο, κάμερα.',
  },

  play: {
    playerOf: (name: string) => `Αναπαραγωγή: ${name}`,
    live: 'Ζωντανά',
    notPlaying: 'Χωρίς αναπαραγωγή',
    offline: 'Εκτός σύνδεσης',
    stateWord: 'Κατάσταση',
    figures: 'Στοιχεία αναπαραγωγής',
    connecting: 'Σύνδεση…',
    ended: 'Ο πομπός σταμάτησε.',
    comesBack: 'Η εικόνα επανέρχεται αυτόματα μαζί με τη ροή.',
    cannot: 'Δεν μπορεί να αναπαραχθεί εδώ',
    elsewhere: 'Ίσως μπορεί άλλο πρόγραμμα περιήγησης· τα VLC, ffplay και ATAK μπορούν με τις διευθύνσεις εδώ.',
    againIn: (seconds: number) => `Επόμενη προσπάθεια σε ${seconds} s`,
    now: 'Προσπάθεια τώρα',
    play: 'Αναπαραγωγή',
    pause: 'Παύση',
    mute: 'Σίγαση',
    unmute: 'Με ήχο',
    noAudioTrack: 'Η ροή δεν έχει ήχο',
    previous: 'Προηγούμενη ροή',
    next: 'Επόμενη ροή',
    full: 'Πλήρης οθόνη',
    leaveFull: 'Έξοδος από πλήρη οθόνη',
    noFullScreen: 'Το πρόγραμμα περιήγησης δεν επέτρεψε την πλήρη οθόνη.',
    pip: 'Εικόνα σε εικόνα',
    noPip: 'Το πρόγραμμα περιήγησης δεν επέτρεψε την εικόνα σε εικόνα.',
    snapshot: 'Στιγμιότυπο',
    noSnapshot: 'Δεν υπάρχει ακόμη εικόνα για λήψη.',
    snapshotSaved: (file: string) => `Το στιγμιότυπο αποθηκεύτηκε: ${file}`,
    keys: 'Πληκτρολόγιο',
    keyList: [
      ['Διάστημα', 'παύση και συνέχεια, ζωντανά'],
      ['M', 'ήχος ναι και όχι'],
      ['F', 'πλήρης οθόνη'],
      ['P', 'εικόνα σε εικόνα'],
      ['S', 'στιγμιότυπο'],
      ['← →', 'προηγούμενη και επόμενη ροή'],
      ['?', 'αυτή η λίστα'],
      ['Ctrl K', 'μετάβαση σε άτομο, ροή, τόπο ή σελίδα'],
    ],
    transport: 'Μεταφορά',
    transports,
    preferences: { auto: 'Αυτόματα', webrtc: 'WebRTC', hls: 'HLS' },
    latency: 'Καθυστέρηση',
    rate: 'Ρυθμός',
    size: 'Εικόνα',
    loss: 'Απώλεια',
    insteadHls: (transport: 'webrtc' | 'hls', why: string) =>
      transport === 'hls' ? `Αναπαραγωγή μέσω HLS, με λίγα δευτερόλεπτα καθυστέρηση: ${why}` : `Αναπαραγωγή μέσω WebRTC: ${why}`,
    noTransport: (transport: 'webrtc' | 'hls') => `Το πρόγραμμα περιήγησης δεν έχει ${transports[transport]}.`,
    cannotDecode: (codec: string, transport: 'webrtc' | 'hls') => `Το πρόγραμμα περιήγησης δεν αποκωδικοποιεί ${codec} μέσω ${transports[transport]}.`,
    bFrames: 'Ο πομπός στέλνει B-frames, που το WebRTC δεν μεταφέρει (ffmpeg: -bf 0).',
    nothingToPlay: 'Η ροή δεν έχει ούτε εικόνα ούτε ήχο.',
    noSound: (codec: string, transport: 'webrtc' | 'hls') =>
      transport === 'webrtc' ? `Χωρίς ήχο: το WebRTC δεν μεταφέρει ${codec}. Επιλέξτε HLS για ήχο.` : `Χωρίς ήχο: το πρόγραμμα περιήγησης δεν αποκωδικοποιεί ${codec}.`,
    noPicture: (transport: 'webrtc' | 'hls') =>
      transport === 'webrtc' ? 'Δεν ήρθε εικόνα μέσω WebRTC· το δίκτυο ίσως αποκλείει το UDP.' : 'Δεν ήρθε εικόνα μέσω HLS.',
    noAnswer: 'Ο διακομιστής δεν απάντησε εγκαίρως.',
    iceFailed: 'Η διαδρομή δικτύου για WebRTC διακόπηκε· ίσως αποκλείεται το UDP.',
    closedByServer: 'Ο διακομιστής τερμάτισε τη συνεδρία.',
    stalled: 'Δεν ήρθαν πακέτα για λίγη ώρα.',
    closed: 'Έκλεισε.',
    hlsFailed: (detail: string) => `Το HLS σταμάτησε (${detail}).`,
  },

  card: {
    about: (name: string) => `Πληροφορίες: ${name}`,
    back: 'Όλα τα βίντεο',
    publisher: 'Πομπός',
    by: (protocol: string) => `μέσω ${protocolOf(protocol)}`,
    since: 'Από',
    tracks: 'Κανάλια',
    bFrames: 'με B-frames',
    rate: 'Ρυθμός',
    total: (bytes: string) => `(έως τώρα ${bytes})`,
    viewers: 'Θεατές',
    damaged: 'Κατεστραμμένα',
    damagedUnits: (n: number) => `Παραλείφθηκαν ${plural(n, 'καρέ', 'καρέ')}`,
    offline: 'Αυτή η ροή δεν είναι ζωντανή ή οι ομάδες σας δεν τη φτάνουν.',
    end: 'Τερματισμός ροής',
    endTitle: (name: string) => `Τερματισμός: ${name};`,
    endText: (user: string) =>
      `Η σύνδεση (${user || 'πομπός'}) κλείνει και όλοι οι θεατές χάνουν την εικόνα. Ο πομπός μπορεί να συνδεθεί ξανά· για να το αποτρέψετε, απενεργοποιήστε τον χρήστη ή ανακαλέστε το κλειδί.`,
    ended: (name: string) => `Τερματίστηκε: ${name}.`,
  },

  recordings: {
    title: 'Εγγραφές βίντεο',
    of: (stream: string) => `Εγγραφές: ${stream}`,
    all: 'Εγγραφές όλων των ροών',
    stream: 'Ροή',
    when: 'Έναρξη',
    length: 'Διάρκεια',
    size: 'Μέγεθος',
    from: 'Από',
    open: 'σε εξέλιξη',
    play: 'Αναπαραγωγή',
    playing: (stream: string, time: string) => `${stream}, ${time}`,
    cannotPlay: 'Το πρόγραμμα περιήγησης δεν μπορεί να την αναπαραγάγει· κατεβάστε τη για VLC ή άλλο πρόγραμμα.',
    download: 'Λήψη',
    remove: 'Διαγραφή',
    removeTitle: (stream: string, time: string) => `Διαγραφή της εγγραφής ${stream}, ${time};`,
    removeText: 'Το αρχείο διαγράφεται από τον διακομιστή. Δεν αναιρείται.',
    removed: 'Η εγγραφή διαγράφηκε.',
    more: 'Εμφάνιση παλαιότερων',
    emptyTitle: 'Καμία εγγραφή',
    emptyText: 'Μια ροή εγγράφεται όταν το ορίζει η ρύθμιση (media.paths, record: true) ή όταν την ξεκινήσει ένας χειριστής στη σελίδα της ροής.',
    start: 'Εγγραφή',
    stop: 'Διακοπή εγγραφής',
    state: 'Εγγράφεται',
    mark: 'REC',
    on: (name: string) => `Εγγράφεται μέχρι να τελειώσει: ${name}.`,
    off: (name: string) => `Δεν εγγράφεται πλέον: ${name}.`,
  },

  addresses: {
    watch: 'Προβολή αλλού',
    publish: 'Εκπομπή από αλλού',
    of: (protocol: string, app: string) => `Διεύθυνση ${protocolOf(protocol)} για ${app}`,
    qr: 'Κωδικός QR',
    qrOf: (protocol: string, app: string) => `Κωδικός QR της διεύθυνσης ${protocolOf(protocol)} για ${app}`,
    qrNeedsKey: 'Ένας κωδικός για σάρωση χρειάζεται κλειδί. Δημιουργήστε ένα παρακάτω και θα μπει σε κάθε διεύθυνση εδώ.',
    keyText: 'Για άλλη συσκευή: κλειδί που ανοίγει μόνο αυτή τη ροή και μπαίνει στις διευθύνσεις και στους κωδικούς QR.',
    lifetime: 'Διάρκεια ισχύος του κλειδιού',
    makeKey: 'Δημιουργία κλειδιού',
    hasKey: (day: string) => `Αυτές οι διευθύνσεις έχουν νέο κλειδί, με ισχύ έως ${day}. Όποιος έχει μία μπορεί να το χρησιμοποιήσει· ανακαλέστε το στη Διαχείριση, Token και κλειδιά.`,
  },

  publish: {
    title: 'Εκπομπή από αυτή τη συσκευή',
    fromHere: 'Εκπομπή από αυτή τη συσκευή',
    preview: 'Προεπισκόπηση',
    noPreview: 'Η προεπισκόπηση εμφανίζεται όταν ανοίξει η κάμερα ή η οθόνη.',
    soundOnly: 'Μόνο ήχος: δεν υπάρχει εικόνα.',
    show: 'Ενεργοποίηση',
    flip: 'Άλλη κάμερα',
    name: 'Όνομα της ροής',
    nameHint: 'Γράμματα, ψηφία και . _ - ~, μέρη ενωμένα με /',
    taken: (user: string) => `Υπάρχει ζωντανή ροή με αυτό το όνομα, από ${user}.`,
    source: 'Τι εκπέμπεται',
    sources: { camera: 'Κάμερα', screen: 'Οθόνη', none: 'Ήχος' },
    camera: 'Κάμερα',
    automatic: 'Αυτόματα',
    microphone: 'Με μικρόφωνο',
    whichMicrophone: 'Μικρόφωνο',
    height: 'Εικόνα',
    bitrate: 'Το πολύ',
    codec: 'Codec',
    codecHint: 'Το H264 παίζει παντού. VP8 όπου η συσκευή δεν παράγει H264.',
    codecWord: 'Codec',
    start: 'Έναρξη εκπομπής',
    stop: 'Τέλος εκπομπής',
    watchIt: 'Όπως το βλέπουν οι άλλοι',
    off: 'Χωρίς εκπομπή',
    live: 'Εκπέμπετε ζωντανά',
    starting: 'Σύνδεση…',
    interrupted: 'Διακόπηκε',
    endedByServer: 'Η ροή τερματίστηκε στον διακομιστή, από χειριστή ή επειδή άλλαξαν τα δικαιώματά σας.',
    time: 'Διάρκεια',
    up: 'Αποστολή',
    rtt: 'Μετ’ επιστροφής',
    uplink: (loss: number, limit: 'none' | 'cpu' | 'bandwidth' | 'other'): string => {
      const drops = loss >= 0.005 ? `Η ανερχόμενη ζεύξη χάνει ${percent(loss)} των πακέτων` : '';
      if (limit === 'bandwidth') return drops ? `${drops}· η εικόνα υποβαθμίστηκε.` : 'Η ανερχόμενη ζεύξη είναι πλήρης· η εικόνα υποβαθμίστηκε ανάλογα.';
      if (limit === 'cpu') return `${drops ? `${drops}. ` : ''}Η συσκευή είναι υπερφορτωμένη για πλήρη εικόνα· υποβαθμίστηκε.`;
      return drops ? `${drops}.` : 'Η ανερχόμενη ζεύξη είναι καθαρή.';
    },
    denied: 'Δεν δόθηκε άδεια για κάμερα, μικρόφωνο ή οθόνη. Επιτρέψτε το στα αριστερά της γραμμής διευθύνσεων και δοκιμάστε ξανά.',
    noDevice: 'Δεν υπάρχει τέτοια κάμερα ή μικρόφωνο. Συνδέστε ή επιλέξτε άλλη συσκευή.',
    busy: 'Άλλο πρόγραμμα χρησιμοποιεί την κάμερα ή το μικρόφωνο. Κλείστε το και δοκιμάστε ξανά.',
    insecure: 'Κάμερα και μικρόφωνο δίνονται μόνο σε σελίδες HTTPS. Ανοίξτε αυτόν τον διακομιστή με https://.',
  },

  nameFaults: {
    empty: 'Η ροή χρειάζεται όνομα.',
    long: 'Το όνομα ξεπερνά τους 160 χαρακτήρες.',
    deep: 'Το όνομα έχει περισσότερα από οκτώ μέρη.',
    slash: 'Η κάθετος μπαίνει ανάμεσα σε δύο μέρη, όχι στην άκρη και όχι διπλή.',
    dot: 'Κανένα μέρος δεν αρχίζει με τελεία.',
    characters: 'Επιτρέπονται μόνο γράμματα, ψηφία και . _ - ~, και / ανάμεσα στα μέρη.',
  },

  admin: {
    sections,
    filter: 'Φίλτρο',
    noMatch: 'Τίποτα δεν ταιριάζει με το φίλτρο.',
  },

  people: {
    add: 'Προσθήκη ατόμου',
    person: 'Άτομο',
    name: 'Όνομα σύνδεσης',
    nameHint: 'Δεν αλλάζει αργότερα.',
    fullName: 'Ονοματεπώνυμο',
    password: 'Κωδικός πρόσβασης',
    passwordHint: 'Τυχαία πρόταση. Δεν εμφανίζεται ξανά: αντιγράψτε τον τώρα.',
    role: 'Ρόλος',
    lastLogin: 'Τελευταία σύνδεση',
    disabled: 'Ανενεργό',
    disable: 'Ανενεργό',
    disableText: 'Κάθε συνεδρία αυτού του ατόμου κλείνει μέσα σε ένα δευτερόλεπτο, σε κάθε πρωτόκολλο.',
    notYourself: 'Δεν μπορείτε να αφαιρέσετε τα δικά σας δικαιώματα.',
    keepPassword: 'Αφήστε το κενό για να μείνει ο τρέχων.',
    in: 'IN',
    out: 'OUT',
    inMeans: 'Μπορεί να εκπέμπει στην ομάδα',
    outMeans: 'Λαμβάνει ό,τι έχει η ομάδα',
    explain: 'IN: μπορεί να εκπέμπει στην ομάδα. OUT: λαμβάνει ό,τι έχει η ομάδα. Οι διαχειριστές βλέπουν κάθε ροή.',
    rights: (user: string, group: string) => `Δικαιώματα: ${user}, ομάδα ${group}`,
    editTitle: (user: string) => `Επεξεργασία: ${user}`,
    added: (user: string) => `Μπορεί πλέον να συνδεθεί: ${user}.`,
    saved: (user: string) => `Αποθηκεύτηκε: ${user}.`,
    removeTitle: (user: string) => `Αφαίρεση: ${user};`,
    removeText: 'Ο λογαριασμός, τα token, τα κλειδιά και τα πιστοποιητικά παύουν αμέσως να ισχύουν και κάθε ανοιχτή συνεδρία κλείνει. Δεν αναιρείται· η απενεργοποίηση αναιρείται.',
    removed: (user: string) => `Αφαιρέθηκε: ${user}.`,
  },

  groups: {
    name: 'Νέα ομάδα',
    description: 'Σκοπός',
    add: 'Προσθήκη ομάδας',
    members: (n: number) => plural(n, 'μέλος', 'μέλη'),
    added: (group: string) => `Η ομάδα ${group} προστέθηκε.`,
    removeTitle: (group: string) => `Αφαίρεση της ομάδας ${group};`,
    removeText: (members: number) =>
      `${plural(members, 'μέλος χάνει', 'μέλη χάνουν')} ό,τι έδινε αυτή η ομάδα. Ροές που ανήκουν μόνο σε αυτήν τις βλέπουν πλέον μόνο διαχειριστές.`,
    removed: (group: string) => `Η ομάδα ${group} αφαιρέθηκε.`,
  },

  tokens: {
    add: 'Νέο token ή κλειδί',
    name: 'Όνομα',
    nameHint: 'Σκοπός: drone 2, OBS στο στούντιο',
    kind: 'Είδος',
    kinds: { token: 'Token', streamkey: 'Κλειδί ροής' },
    kindMeans: {
      streamkey: 'Μπαίνει σε διεύθυνση ή στο πεδίο κλειδιού του OBS. Ανοίγει μόνο τις παρακάτω ροές.',
      token: 'Για σενάρια εντολών: μπαίνει στην κεφαλίδα Authorization.',
    },
    user: 'Άτομο',
    forUser: 'Για (κενό: εσάς)',
    scope: 'Μπορεί',
    mayDo: 'Επιτρέπεται',
    streams: 'Ροές',
    everyStream: 'κάθε ροή',
    everything: 'Όλα όσα επιτρέπονται στο άτομο',
    never: 'Μέχρι ανάκληση',
    streamsHint: {
      streamkey: 'Ονόματα ή μοτίβα όπως uas/north/*· πολλά με κόμμα.',
      token: 'Ονόματα ή μοτίβα όπως uas/north/*· πολλά με κόμμα. Κενό: κάθε ροή που φτάνει το άτομο.',
    },
    lifetime: 'Ισχύει για',
    expires: 'Έως',
    expired: 'Έληξε',
    lastUsed: 'Τελευταία χρήση',
    make: 'Δημιουργία',
    needsAction: 'Επιλέξτε τουλάχιστον ένα δικαίωμα.',
    madeTitle: (name: string) => `Έτοιμο: ${name}`,
    once: 'Εμφανίζεται μία φορά και δεν φυλάσσεται πουθενά σε αναγνώσιμη μορφή. Αντιγράψτε ή σαρώστε το τώρα.',
    secret: 'Το μυστικό',
    kept: 'Το έχω',
    emptyTitle: 'Κανένα token και κανένα κλειδί',
    emptyText: 'Με κλειδί ροής ένα drone, το OBS ή μια κάμερα εκπέμπει χωρίς κωδικό· με token ένα σενάριο εντολών χρησιμοποιεί το API. Και τα δύο περιορίζονται, λήγουν και ανακαλούνται.',
    revokeTitle: (name: string) => `Ανάκληση: ${name};`,
    revokeText: 'Ό,τι το χρησιμοποιεί αποσυνδέεται μέσα σε ένα δευτερόλεπτο και δεν επιστρέφει με αυτό.',
    revoked: (name: string) => `Ανακλήθηκε: ${name}.`,
  },

  sessions: {
    who: 'Ποιος',
    does: 'Τι κάνει',
    stream: 'Ροή',
    by: 'Μέσω',
    from: 'Από',
    since: 'Διάρκεια',
    nobody: 'ανώνυμος',
    certificate: 'με πιστοποιητικό',
    token: 'με token',
    none: 'Τίποτα ανοιχτό.',
    failures: 'Αποτυχημένες συνδέσεις',
    failure: (user: string, remote: string, protocol: string) => `${user || 'κάποιος'} από ${remote || 'κάπου'}${protocol ? ` μέσω ${protocol.toUpperCase()}` : ''}`,
    end: 'Τερματισμός',
    endTitle: (user: string) => `Τερματισμός αυτής της συνεδρίας (${user || 'ανώνυμος'});`,
    endText: 'Η σύνδεση κλείνει αμέσως. Το άτομο μπορεί να συνδεθεί ξανά· για να το αποτρέψετε, απενεργοποιήστε το ή ανακαλέστε το token.',
    ended: (user: string) => `Η συνεδρία τερματίστηκε: ${user || 'ανώνυμος'}.`,
  },

  certificates: {
    issue: 'Έκδοση πιστοποιητικού',
    ca: 'Πιστοποιητικό CA',
    device: 'Συσκευή',
    deviceHint: 'tablet 7, όχημα επικοινωνιών',
    state: 'Κατάσταση',
    valid: 'Ισχύει',
    revoked: 'Ανακλήθηκε',
    issued: 'Εκδόθηκε',
    fingerprint: 'Αποτύπωμα',
    emptyTitle: 'Κανένα πιστοποιητικό',
    emptyText: 'Με πιστοποιητικό μια συσκευή μπαίνει χωρίς κωδικό: ATAK, WinTAK, πρόγραμμα περιήγησης στη θύρα 8443. Εκδίδεται εδώ και ανακαλείται οποτεδήποτε.',
    password: 'Κωδικός των αρχείων',
    passwordHint: 'Ζητείται όταν ανοίγει το αρχείο στη συσκευή.',
    madeTitle: (name: string) => `Πιστοποιητικό για ${name}`,
    once: 'Το ιδιωτικό κλειδί είναι στο πρώτο αρχείο και πουθενά αλλού. Αποθηκεύστε τα αρχεία τώρα.',
    p12: 'Πιστοποιητικό και κλειδί (.p12)',
    truststore: 'Χώρος εμπιστοσύνης για ATAK (.p12)',
    revokeTitle: (name: string) => `Ανάκληση του πιστοποιητικού: ${name};`,
    revokeText: (user: string) => `Η συσκευή (${user}) αποσυνδέεται μέσα σε ένα δευτερόλεπτο και δεν επιστρέφει με αυτό. Δεν αναιρείται.`,
    wasRevoked: (name: string) => `Το πιστοποιητικό ανακλήθηκε: ${name}.`,
  },

  streams: {
    name: 'Ροή',
    inOut: 'Είσοδος / έξοδος',
    faults: 'Βλάβες / άλματα',
    faultsMean: 'Καρέ που παραλείφθηκαν ως κατεστραμμένα, και πόσες φορές ένας θεατής ήταν αργός και προχώρησε με άλμα',
    none: 'Καμία ζωντανή ροή.',
  },

  health: {
    allWell: 'Όλα λειτουργούν',
    sick: (n: number) => `${plural(n, 'σημείο χρειάζεται', 'σημεία χρειάζονται')} προσοχή`,
    doors: 'Είσοδοι',
    parts: 'Μέρη',
    server: 'Διακομιστής',
    open: 'Ανοιχτή',
    closed: 'Κλειστή',
    well: 'Καλά',
    ill: 'Πρόβλημα',
    fix: 'Λύση',
    name: 'Όνομα',
    version: 'Έκδοση',
    hostNames: 'Ονόματα κεντρικού υπολογιστή',
    ca: 'Αποτύπωμα CA',
    backup: 'Λήψη αντιγράφου ασφαλείας',
  },
};
