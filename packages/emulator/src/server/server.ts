import type { proto } from '../baileys.ts'
import type { Clock } from '../clock.ts'
import {
  type Action,
  type Disconnect,
  disconnects,
  type Fault,
  FaultPlans,
  type FaultScope,
} from '../faults.ts'
import { type Companion, PairingError, type PhoneFactory, type SimulatedPhone } from '../line.ts'
import { serverJid } from '../jid.ts'
import { MediaHost } from '../media/index.ts'
import { certify } from '../noise/certificates.ts'
import { KeyPair } from '../signal/index.ts'
import { node, serverNode } from '../stanza.ts'
import { Truth, type TruthOptions } from '../truth.ts'
import { type Account, Accounts, type LinkedDevice } from './account.ts'
import { AppState } from './app-state.ts'
import { ClientSession } from './client-session.ts'
import type { Connection, ConnectionHandler } from './connection.ts'
import { GroupActions } from './group-actions.ts'
import { Groups } from './groups.ts'
import { listen, type Listener } from './listener.ts'
import { PhoneLine } from './phone-line.ts'
import { businessQueries } from './queries/business.ts'
import { peopleQueries } from './queries/people.ts'
import { appStateQueries } from './queries/app-state.ts'
import { communityQueries } from './queries/communities.ts'
import { groupQueries } from './queries/groups.ts'
import { keyQueries, tellIfPreKeysLow } from './queries/keys.ts'
import type { Queries } from './queries/query.ts'
import { newsletterMex, newsletterQueries } from './queries/newsletters.ts'
import { settingsQueries } from './queries/settings.ts'
import { usyncQueries } from './queries/usync.ts'
import { Profiles } from './profiles.ts'
import { Registration, type RegistrationServices } from './registration.ts'
import { Newsletters } from './newsletters.ts'
import { Router } from './router.ts'

export interface ServerOptions {
  /** Port on 127.0.0.1; default 0, a free one. */
  port?: number
  /** Port of the media host on 127.0.0.1; default 0, a free one. */
  mediaPort?: number
  clock: Clock
  truth?: TruthOptions
  /** Linked clients per account, as WhatsApp allows: 4. */
  maxCompanions?: number
  /** Tells clients, at login, to send this ahead of their next handshake (`edge_routing`). */
  routingInfo?: Uint8Array
}

/** WhatsApp's server: accounts, what is owed to whom, and the connections it is brought over. */
export class Server implements AsyncDisposable {
  readonly truth: Truth
  readonly root = KeyPair.generate()
  readonly media: MediaHost
  readonly accounts: Accounts
  readonly groups = new Groups()
  readonly groupActions: GroupActions
  readonly profiles: Profiles
  readonly newsletters: Newsletters
  readonly plans = new FaultPlans()
  readonly #router: Router
  readonly #appState: AppState
  readonly #clock: Clock
  readonly #queries: Queries
  readonly #registrations = new Map<string, Registration>()
  readonly #registration: RegistrationServices
  readonly #versionRules = new Set<(version: string) => boolean>()
  readonly #routingInfo: Uint8Array | undefined
  #listener: Listener | undefined

  private constructor(options: ServerOptions, truth: Truth, media: MediaHost, makePhone: PhoneFactory) {
    this.#clock = options.clock
    this.#routingInfo = options.routingInfo
    this.truth = truth
    this.media = media
    this.accounts = new Accounts((account): SimulatedPhone => makePhone(this.#line(account)))
    this.#router = new Router(this.accounts, this.groups, this.#clock)
    this.#appState = new AppState(this.#router, media)
    this.newsletters = new Newsletters(this.#router, this.#clock)
    this.groupActions = new GroupActions(this.groups, this.#router, this.#clock)
    this.profiles = new Profiles(this.#router, media, this.#clock)
    const { accounts, groups, groupActions: actions } = this
    this.#queries = {
      ...keyQueries({ accounts, router: this.#router }),
      ...usyncQueries({ accounts }),
      ...peopleQueries({ accounts, groups, profiles: this.profiles }),
      ...businessQueries({ accounts, profiles: this.profiles }),
      ...settingsQueries({
        truth,
        media,
        clock: this.#clock,
        mex: newsletterMex(this.newsletters),
      }),
      ...newsletterQueries(this.newsletters),
      ...groupQueries({ accounts, groups, actions }),
      ...communityQueries({ groups, actions }),
      ...appStateQueries({ appState: this.#appState }),
    }
    this.#registration = {
      accounts,
      router: this.#router,
      clock: this.#clock,
      truth: this.truth,
      maxCompanions: options.maxCompanions ?? 4,
      waiting: this.#registrations,
      linked: ({ account, device }) => this.#router.devicesChanged(account, 'add', device),
    }
  }

  static async start(options: ServerOptions, makePhone: PhoneFactory): Promise<Server> {
    const truth = new Truth(options.truth)
    const media = await MediaHost.start(options.clock, truth, options.mediaPort)
    const server = new Server(options, truth, media, makePhone)
    const key = KeyPair.generate()
    const certificates = certify(server.root, key, Math.floor(options.clock.now() / 1000))
    const context = {
      identity: { key, certificates },
      root: server.root,
      clock: options.clock,
      truth: server.truth,
      arrived: server.#arrived.bind(server),
    }
    server.#listener = await listen(options.port ?? 0, context, server.plans, server.truth, options.clock)
    return server
  }

  get port(): number {
    return this.#running.port
  }

  get connections(): ReadonlySet<Connection> {
    return this.#running.connections
  }

  addFaults(faults: readonly Fault[], scope: FaultScope): Disposable {
    return this.plans.add(faults, scope)
  }

  refuseVersions(isRefused: (version: string) => boolean): Disposable {
    this.#versionRules.add(isRefused)
    return { [Symbol.dispose]: () => void this.#versionRules.delete(isRefused) }
  }

  /** Ends the connections of an account's clients, or does something else to them. */
  act(account: Account, action: Action | Disconnect, device?: number): void {
    const what: Action = typeof action === 'string' ? disconnects[action] : action
    for (const linked of account.linked.values()) {
      if (device === undefined || linked.device === device) linked.connection?.act(what)
    }
  }

  /** Unlinks a device: its connection ends with `device_removed`, and its keys are good for nothing any more. */
  unlink(account: Account, device: number): void {
    const linked = account.linked.get(device)
    if (linked === undefined) return
    account.linked.delete(device)
    linked.connection?.act(disconnects.device_removed)
    linked.deliveries.drop()
    this.#router.devicesChanged(account, 'remove', device)
  }

  tellPreKeysLow(device: LinkedDevice): void {
    device.toldPreKeysLow = false
    tellIfPreKeysLow(device, this.#router)
  }

  setReachoutTimelock(account: Account, lock: { endsAt: number; enforcement?: string } | undefined): void {
    account.reachoutTimelock =
      lock === undefined
        ? { is_active: false }
        : {
            is_active: true,
            time_enforcement_ends: String(Math.floor(lock.endsAt / 1000)),
            enforcement_type: lock.enforcement ?? 'DEFAULT',
          }
    const data = { xwa2_notify_account_reachout_timelock: account.reachoutTimelock }
    const update = Buffer.from(JSON.stringify({ data }))
    this.#router.notify(account, { type: 'mex', from: serverJid }, [
      node('update', { op_name: 'NotificationUserReachoutTimelockUpdate' }, update),
    ])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#listener?.[Symbol.asyncDispose]()
    await this.media[Symbol.asyncDispose]()
  }

  get #running(): Listener {
    if (this.#listener === undefined) throw new Error('The server does not listen yet.')
    return this.#listener
  }

  #line(account: Account): PhoneLine {
    return new PhoneLine(account, {
      accounts: this.accounts,
      groups: this.groups,
      router: this.#router,
      appState: this.#appState,
      media: this.media,
      profiles: this.profiles,
      clock: this.#clock,
      truth: this.truth,
      registration: (ref) => {
        const registration = this.#registrations.get(ref)
        if (registration === undefined) throw new PairingError('unknown_ref')
        return registration
      },
      unlink: (device) => this.unlink(account, device),
    })
  }

  /** A client has shown who it is: it wants to be linked, or to log in. */
  #arrived(
    connection: Connection,
    clientKey: Buffer,
    payload: proto.ClientPayload,
  ): ConnectionHandler | undefined {
    const version = versionOf(payload)
    connection.dial.version = version
    if ([...this.#versionRules].some((isRefused) => isRefused(version))) {
      connection.act({ do: 'failure', reason: 405 })
      return undefined
    }
    if (payload.devicePairingData) {
      connection.dial.stage = 'registering'
      const registration = new Registration(
        this.#registration,
        connection,
        clientKey,
        payload.devicePairingData,
      )
      connection.reach('payload', () => registration.begin())
      return registration
    }
    const account = this.accounts.find(String(payload.username ?? ''))
    const device = account?.linked.get(payload.device ?? 0)
    if (account !== undefined) connection.addFaults(this.plans.take(account.number))
    if (account?.faults.loginRefusal !== undefined) {
      connection.dial.device = account.address(payload.device ?? 0, 's.whatsapp.net')
      connection.act(account.faults.loginRefusal)
      return undefined
    }
    // A device that was unlinked, or one whose keys are not those of the pairing.
    if (device === undefined || !device.keys.noiseKey.equals(clientKey)) {
      connection.reach('payload', () => connection.act({ do: 'failure', reason: 401 }))
      return undefined
    }
    connection.dial.device = device.pn
    if (payload.pushName) device.pushName = payload.pushName
    const session = new ClientSession(
      {
        router: this.#router,
        newsletters: this.newsletters,
        queries: this.#queries,
        clock: this.#clock,
        truth: this.truth,
        opened: (opened) => this.#opened(opened),
        unlinked: (unlinked) => this.unlink(unlinked.account, unlinked.device),
      },
      device,
      connection,
    )
    connection.reach('payload', () => this.#login(connection, device))
    return session
  }

  #login(connection: Connection, device: LinkedDevice): void {
    // One stream per device: whoever comes later wins.
    device.connection?.act(disconnects.replaced)
    device.connection = connection
    const { account } = device
    const now = String(Math.floor(this.#clock.now() / 1000))
    connection.send(
      node('success', {
        t: now,
        props: '27',
        companion_enc_static: '',
        lid: device.lid,
        display_name: account.phone.pushName,
        abprops: '1',
        group_abprops: '1',
        location: 'cln',
        creation: now,
      }),
    )
    if (this.#routingInfo !== undefined) {
      const info = node('routing_info', {}, this.#routingInfo)
      connection.send(serverNode('ib', [node('edge_routing', {}, [info])]))
    }
    connection.reach('login', () => this.truth.touched())
  }

  #opened(device: LinkedDevice): void {
    const first = !device.met
    device.met = true
    this.truth.touched()
    const companion: Companion = device
    device.account.phone.companionOnline(companion, first)
  }
}

function versionOf({ userAgent }: proto.ClientPayload): string {
  const { primary, secondary, tertiary } = userAgent?.appVersion ?? {}
  return `${primary ?? 0}.${secondary ?? 0}.${tertiary ?? 0}`
}
