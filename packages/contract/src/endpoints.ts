import { auditEndpoints } from './audit.ts'
import { authEndpoints } from './auth.ts'
import { callEndpoints } from './calls.ts'
import { chatEndpoints } from './chats.ts'
import { communityEndpoints } from './communities.ts'
import { contactEndpoints } from './contacts.ts'
import { eventEndpoints } from './event-feed.ts'
import { groupEndpoints } from './groups.ts'
import { historyEndpoints } from './history.ts'
import { identityEndpoints } from './identity.ts'
import { keyEndpoints } from './keys.ts'
import { labelEndpoints } from './labels.ts'
import { mediaEndpoints } from './media.ts'
import { messageEndpoints } from './messages.ts'
import { peopleEndpoints } from './people.ts'
import { privacyEndpoints } from './privacy.ts'
import { organizationEndpoints } from './organizations.ts'
import { newsletterEndpoints } from './newsletters.ts'
import { profileEndpoints } from './profile.ts'
import { receiptEndpoints } from './receipts.ts'
import { searchEndpoints } from './search.ts'
import { sessionEndpoints } from './sessions.ts'
import { shopEndpoints } from './shops.ts'
import { statusEndpoints } from './statuses.ts'
import { systemEndpoints } from './system.ts'
import { templateEndpoints } from './templates.ts'
import { webhookEndpoints } from './webhooks.ts'

/** Every operation of the API, by its id. The server serves them, the reference documents them, the fuzz suite attacks them. */
export const endpoints = {
  ...systemEndpoints,
  ...eventEndpoints,
  ...sessionEndpoints,
  ...messageEndpoints,
  ...receiptEndpoints,
  ...chatEndpoints,
  ...labelEndpoints,
  ...historyEndpoints,
  ...contactEndpoints,
  ...identityEndpoints,
  ...peopleEndpoints,
  ...privacyEndpoints,
  ...profileEndpoints,
  ...shopEndpoints,
  ...searchEndpoints,
  ...groupEndpoints,
  ...communityEndpoints,
  ...callEndpoints,
  ...statusEndpoints,
  ...newsletterEndpoints,
  ...mediaEndpoints,
  ...templateEndpoints,
  ...webhookEndpoints,
  ...keyEndpoints,
  ...authEndpoints,
  ...organizationEndpoints,
  ...auditEndpoints,
}
