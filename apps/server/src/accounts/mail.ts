import type { Log } from '../platform/log.ts'

export interface MailSettings {
  /** `smtp://user:password@host:587`, or `smtps://…:465`. */
  url: string
  from: string
}

/** Letters to people. Without SMTP nothing is sent, and links are handed over by hand. */
export interface Mail {
  /** Whether it was handed to the server; what goes wrong is logged, without the text. */
  send(letter: { to: string; subject: string; text: string }): Promise<boolean>
}

const connectWithinMs = 10_000

export function createMail(settings: MailSettings | undefined, log: Log): Mail {
  return {
    async send({ to, subject, text }) {
      if (settings === undefined) return false
      try {
        // Most hubs never send one.
        const { createTransport } = await import('nodemailer')
        const transport = createTransport(settings.url, { from: settings.from })
        transport.set('connectionTimeout', connectWithinMs)
        try {
          await transport.sendMail({ to, subject, text, disableFileAccess: true, disableUrlAccess: true })
        } finally {
          transport.close()
        }
        return true
      } catch (error) {
        const code = error instanceof Error && 'code' in error ? String(error.code) : undefined
        const reason = withoutCredentials(String(error), settings.url)
        log.warn({ code, reason }, 'a letter could not be sent; look at SMTP_URL')
        return false
      }
    },
  }
}

/** What was said of a failure, without what the server was told to let us in: some quote it when they refuse. */
function withoutCredentials(said: string, url: string): string {
  const { username, password } = new URL(url)
  if (password === '') return said
  const [user, plain] = [decodeURIComponent(username), decodeURIComponent(password)]
  // As the three ways of logging in write them: AUTH LOGIN, AUTH PLAIN, and a URL.
  const written = [password, plain, base64(plain), base64(`\0${user}\0${plain}`)]
  return written.reduce((text, secret) => text.replaceAll(secret, '[password]'), said)
}

const base64 = (text: string): string => Buffer.from(text).toString('base64')
