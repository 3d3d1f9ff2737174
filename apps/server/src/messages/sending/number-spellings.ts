/**
 * Other ways in which the same subscriber's number is written in countries where WhatsApp kept an older spelling than people use. Only
 * candidates to ask WhatsApp about: which of them exists, it alone knows (engine knowledge §4.7). The number as given comes first.
 */
export function spellingsOf(digits: string): readonly string[] {
  // Brazil: mobile numbers got a leading 9; accounts made before keep eight digits.
  const brazil = /^55(\d{2})(9?)(\d{8})$/.exec(digits)
  if (brazil !== null) {
    const [, area = '', nine = '', rest = ''] = brazil
    return [digits, nine === '9' ? `55${area}${rest}` : `55${area}9${rest}`]
  }
  // Mexico: the 1 after the country code was dropped in 2019, in WhatsApp only for new accounts.
  const mexico = /^52(1?)(\d{10})$/.exec(digits)
  if (mexico !== null) {
    const [, one = '', rest = ''] = mexico
    return [digits, one === '1' ? `52${rest}` : `521${rest}`]
  }
  // Argentina: mobiles are 549… abroad, without the 9 at home.
  const argentina = /^54(9?)(\d{10})$/.exec(digits)
  if (argentina !== null) {
    const [, nine = '', rest = ''] = argentina
    return [digits, nine === '9' ? `54${rest}` : `549${rest}`]
  }
  return [digits]
}
