import { z } from 'zod'

import { isoSchema } from './answers.ts'
import { endpoint } from './endpoint.ts'
import { issue, maybe, phone, text } from './fields.ts'

const tag = 'Accounts'

/** Six characters with a capital, a small letter and a digit: the contract's rule. Longer is better than stranger. */
export const password = z
  .string()
  .min(6)
  .max(200)
  .refine(
    (value) => /\p{Lu}/u.test(value) && /\p{Ll}/u.test(value) && /\d/.test(value),
    issue('weak_password'),
  )
  .meta({ description: 'At least 6 characters, with a capital letter, a small letter and a digit.' })

export const email = z
  .string()
  .trim()
  .max(254)
  .regex(/^[^\s@<>()",;:\\[\]]+@[^\s@<>()",;:\\[\]]+\.[^\s@<>()",;:\\[\].]+$/)
  .meta({ format: 'email', example: 'ana@example.com' })

const username = z
  .string()
  .trim()
  .regex(/^[A-Za-z0-9]{3,50}$/)
  .meta({ description: '3 to 50 letters and digits.', example: 'ana' })

const person = {
  firstName: maybe(text(1, 100)),
  lastName: maybe(text(1, 100)),
  phone: maybe(phone),
}

const userSchema = z
  .object({
    id: z.int(),
    username: z.string(),
    email: z.string(),
    firstName: z.string().nullable(),
    lastName: z.string().nullable(),
    phone: z.string().nullable(),
    globalRole: z
      .enum(['admin', 'user'])
      .meta({ description: '`admin`: an owner or admin of the first organization.' }),
    role: z.enum(['admin', 'user']).meta({ description: 'The same as `globalRole`.' }),
    isActive: z.boolean(),
    twoFactor: z.boolean().meta({ description: 'Whether logging in takes a verification code.' }),
    createdAt: isoSchema,
  })
  .meta({ id: 'User' })
export type WireUser = z.input<typeof userSchema>

const tokens = {
  accessToken: z
    .string()
    .meta({ description: 'Send it as `Authorization: Bearer`; good for 24 hours, or until you log out.' }),
  refreshToken: z.string().meta({ description: 'Good once, for 30 days.' }),
  expiresIn: z.literal('24h'),
}

const open = { tag, auth: 'none', bucket: 'auth', method: 'POST' } as const

const register = endpoint({
  ...open,
  id: 'register',
  path: '/api/auth/register',
  summary: 'Make an account',
  description:
    'With an invitation it joins the organization that invites; with an API key in `X-API-Key` it becomes the owner of the organization of that key, or an administrator where there is one; otherwise, where `REGISTRATION` allows it, it owns an organization of its own.',
  status: 201,
  headers: z.object({ 'x-api-key': maybe(z.string().max(512)) }),
  body: z.object({
    username,
    email,
    password,
    ...person,
    organizationName: maybe(text(1, 200)),
    invitation: maybe(text(1, 200)).meta({ description: 'The token of an invitation.' }),
  }),
  data: z.object({ user: userSchema, emailVerificationRequired: z.boolean() }),
  errors: ['USER_ALREADY_EXISTS', 'REGISTRATION_CLOSED', 'INVITATION_NOT_FOUND', 'INVALID_API_KEY'],
})

const login = endpoint({
  ...open,
  id: 'login',
  path: '/api/auth/login',
  summary: 'Log in with a name or an e-mail address',
  body: z.object({
    identifier: text(1, 254),
    password: z.string().min(1).max(200),
    code: maybe(text(6, 40)).meta({
      description: 'Where logging in takes a verification code: that, or a recovery code.',
    }),
  }),
  data: z.object({ user: userSchema, ...tokens }),
  errors: ['AUTHENTICATION_FAILED', 'TOTP_REQUIRED'],
})

/** What a browser is told of the login it keeps. */
const kept = {
  expiresAt: isoSchema.meta({ description: 'Refresh it before; the browser does not keep it longer.' }),
}

const browserLogin = endpoint({
  ...open,
  id: 'browserLogin',
  path: '/api/auth/browser-login',
  summary: 'Log in as a browser: the tokens are kept in cookies that no script can read',
  description:
    'Only for pages of the hub itself. From then on requests of these pages need no `Authorization`, streams included. Log out as ever.',
  body: login.body,
  data: z.object({ user: userSchema, ...kept }),
  errors: ['AUTHENTICATION_FAILED', 'TOTP_REQUIRED', 'CROSS_SITE_REQUEST'],
})

const refreshBrowserLogin = endpoint({
  ...open,
  id: 'refreshBrowserLogin',
  path: '/api/auth/browser-login/refresh',
  summary: 'Exchange the cookies of a browser for new ones',
  description:
    'The browser brings the cookie with the refresh token, which it sends to this path alone, and the `Origin` of a page of the hub.',
  data: z.object(kept),
  errors: ['INVALID_REFRESH_TOKEN', 'CROSS_SITE_REQUEST'],
})

const refreshToken = endpoint({
  ...open,
  id: 'refreshToken',
  path: '/api/auth/refresh-token',
  summary: 'Exchange a refresh token for new tokens',
  description:
    'A refresh token that comes a second time was stolen, or its answer was lost: the login it belongs to ends.',
  body: z.object({ refreshToken: text(1, 500) }),
  data: z.object(tokens),
  errors: ['INVALID_REFRESH_TOKEN'],
})

const getProfile = endpoint({
  id: 'getProfile',
  method: 'GET',
  path: '/api/auth/profile',
  tag,
  auth: 'user',
  summary: 'Who is logged in',
  data: z.object({ user: userSchema }),
})

const updateProfile = endpoint({
  id: 'updateProfile',
  method: 'PUT',
  path: '/api/auth/profile',
  tag,
  auth: 'user',
  summary: 'Change what is known about yourself',
  body: z.object({ ...person, email: maybe(email) }),
  data: z.object({ user: userSchema }),
  errors: ['USER_ALREADY_EXISTS'],
})

const changePassword = endpoint({
  id: 'changePassword',
  method: 'PUT',
  path: '/api/auth/change-password',
  tag,
  auth: 'user',
  bucket: 'auth',
  summary: 'Change your password; your other logins end',
  body: z.object({ currentPassword: z.string().min(1).max(200), newPassword: password }),
  data: z.object({ loginsEnded: z.int() }),
  errors: ['AUTHENTICATION_FAILED'],
})

const logout = endpoint({
  id: 'logout',
  method: 'POST',
  path: '/api/auth/logout',
  tag,
  auth: 'user',
  summary: 'End this login; its tokens are worth nothing from now on',
  data: z.object({ loggedOut: z.literal(true) }),
})

const requestPasswordReset = endpoint({
  ...open,
  id: 'requestPasswordReset',
  path: '/api/auth/request-password-reset',
  summary: 'Have a link to set a new password sent',
  description:
    'The answer is the same whether or not the address is known. Without SMTP an administrator makes the link: `POST /api/organizations/:organizationId/members/:memberId/reset-link`.',
  body: z.object({ email }),
  data: z.object({ requested: z.literal(true) }),
})

const resetPassword = endpoint({
  ...open,
  id: 'resetPassword',
  path: '/api/auth/reset-password',
  summary: 'Set a new password with the token of such a link; all logins end',
  body: z.object({ token: text(1, 200), newPassword: password }),
  data: z.object({ reset: z.literal(true) }),
  errors: ['INVALID_TOKEN'],
})

const beginTotp = endpoint({
  id: 'beginTotp',
  method: 'POST',
  path: '/api/auth/totp',
  tag,
  auth: 'user',
  bucket: 'auth',
  summary: 'Begin to log in with verification codes: what an authenticator app scans',
  body: z.object({ password: z.string().min(1).max(200) }),
  data: z.object({
    secret: z.string(),
    uri: z.string().meta({ description: '`otpauth://…`, to show as a QR.' }),
  }),
  errors: ['AUTHENTICATION_FAILED'],
})

const confirmTotp = endpoint({
  id: 'confirmTotp',
  method: 'POST',
  path: '/api/auth/totp/confirm',
  tag,
  auth: 'user',
  bucket: 'auth',
  summary: 'Prove that the app shows the right codes; from now on logging in takes one',
  body: z.object({ code: text(6, 10) }),
  data: z.object({
    recoveryCodes: z
      .array(z.string())
      .meta({ description: 'Each replaces one verification code, once. Shown this once.' }),
  }),
  errors: ['AUTHENTICATION_FAILED'],
})

const removeTotp = endpoint({
  id: 'removeTotp',
  method: 'DELETE',
  path: '/api/auth/totp',
  tag,
  auth: 'user',
  bucket: 'auth',
  summary: 'Log in without verification codes again',
  body: z.object({ password: z.string().min(1).max(200) }),
  data: z.object({ twoFactor: z.literal(false) }),
  errors: ['AUTHENTICATION_FAILED'],
})

export const authEndpoints = {
  register,
  login,
  browserLogin,
  refreshBrowserLogin,
  refreshToken,
  getProfile,
  updateProfile,
  changePassword,
  logout,
  requestPasswordReset,
  resetPassword,
  beginTotp,
  confirmTotp,
  removeTotp,
}
