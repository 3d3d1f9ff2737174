import { type Language, say, type Text, type TextValues } from './language.ts'

/** What the API says when something went well. The Spanish ones are the contract's, word for word. */
export const texts = {
  user_registered: {
    es: 'Usuario registrado correctamente',
    en: 'User registered',
    pt: 'Usuário registrado corretamente',
  },
  logged_in: {
    es: 'Login exitoso',
    en: 'Logged in',
    pt: 'Login efetuado',
  },
  session_created: {
    es: 'Sesión creada correctamente',
    en: 'Session created',
    pt: 'Sessão criada corretamente',
  },
  session_revived: {
    es: 'Sesión recuperada correctamente',
    en: 'Session recovered',
    pt: 'Sessão recuperada corretamente',
  },
  session_connecting: {
    es: 'Sesión iniciada, generando QR o reconectando...',
    en: 'Session started, making a QR code or reconnecting...',
    pt: 'Sessão iniciada, gerando QR ou reconectando...',
  },
  session_restarted: {
    es: 'Sesión reiniciada correctamente',
    en: 'Session restarted',
    pt: 'Sessão reiniciada corretamente',
  },
  session_disconnected: {
    es: 'Sesión desconectada correctamente',
    en: 'Session disconnected',
    pt: 'Sessão desconectada corretamente',
  },
  session_deleted: {
    es: 'Sesión eliminada correctamente',
    en: 'Session deleted',
    pt: 'Sessão excluída corretamente',
  },
  session_synchronised: {
    es: 'Sincronización forzada completada exitosamente',
    en: 'Synchronisation completed',
    pt: 'Sincronização forçada concluída com sucesso',
  },
  conversations_repaired: {
    es: 'Reparación completada: {n} conversaciones creadas',
    en: 'Repair completed: {n} conversations made',
    pt: 'Reparo concluído: {n} conversas criadas',
  },
  media_uploaded: {
    es: 'Archivo subido exitosamente',
    en: 'File uploaded',
    pt: 'Arquivo enviado com sucesso',
  },
  downloads_set: {
    es: 'Descargas configuradas correctamente',
    en: 'Downloads set',
    pt: 'Downloads configurados corretamente',
  },
  media_deleted: {
    es: 'Archivo eliminado correctamente',
    en: 'File removed',
    pt: 'Arquivo apagado corretamente',
  },
  webhook_saved: {
    es: 'Webhook actualizado correctamente',
    en: 'Webhook updated',
    pt: 'Webhook atualizado corretamente',
  },
  webhook_created: {
    es: 'Webhook creado correctamente',
    en: 'Webhook created',
    pt: 'Webhook criado corretamente',
  },
  webhook_deleted: {
    es: 'Webhook eliminado correctamente',
    en: 'Webhook removed',
    pt: 'Webhook excluído corretamente',
  },
  connectivity_ok: {
    es: 'Conectividad OK',
    en: 'Connectivity OK',
    pt: 'Conectividade OK',
  },
  proxy_saved: {
    es: 'Proxy actualizado correctamente',
    en: 'Proxy updated',
    pt: 'Proxy atualizado corretamente',
  },
  older_messages_stored: {
    es: 'Mensajes anteriores recibidos del teléfono',
    en: 'Older messages received from the phone',
    pt: 'Mensagens anteriores recebidas do telefone',
  },
  older_messages_asked: {
    es: 'Mensajes anteriores pedidos al teléfono',
    en: 'Older messages asked of the phone',
    pt: 'Mensagens anteriores pedidas ao telefone',
  },
  messages_asked_again: {
    es: 'Mensajes pedidos de nuevo al teléfono',
    en: 'Messages asked of the phone again',
    pt: 'Mensagens pedidas novamente ao telefone',
  },
  history_set: {
    es: 'Historial configurado correctamente',
    en: 'History settings saved',
    pt: 'Histórico configurado corretamente',
  },
  frappe_on: {
    es: 'Integración con Frappe activada para la sesión',
    en: 'Frappe integration switched on for the session',
    pt: 'Integração com Frappe ativada para a sessão',
  },
  frappe_off: {
    es: 'Integración con Frappe desactivada para la sesión',
    en: 'Frappe integration switched off for the session',
    pt: 'Integração com Frappe desativada para a sessão',
  },
  pairing_code_made: {
    es: 'Código de vinculación generado',
    en: 'Pairing code made',
    pt: 'Código de vinculação gerado',
  },
  template_saved: {
    es: 'Plantilla guardada correctamente',
    en: 'Template saved',
    pt: 'Modelo salvo corretamente',
  },
  template_deleted: {
    es: 'Plantilla eliminada correctamente',
    en: 'Template deleted',
    pt: 'Modelo excluído corretamente',
  },
  template_approved: {
    es: 'Plantilla aprobada correctamente',
    en: 'Template approved',
    pt: 'Modelo aprovado corretamente',
  },
  template_rejected: {
    es: 'Plantilla rechazada correctamente',
    en: 'Template rejected',
    pt: 'Modelo rejeitado corretamente',
  },
  message_sent: {
    es: 'Mensaje enviado correctamente',
    en: 'Message sent',
    pt: 'Mensagem enviada corretamente',
  },
  message_accepted: {
    es: 'Mensaje aceptado, esperando confirmación de WhatsApp',
    en: 'Message accepted, waiting for WhatsApp to confirm it',
    pt: 'Mensagem aceita, aguardando confirmação do WhatsApp',
  },
  message_scheduled: {
    es: 'Mensaje programado',
    en: 'Message scheduled',
    pt: 'Mensagem agendada',
  },
  pacing_set: {
    es: 'Ritmo de envío actualizado',
    en: 'Sending pace updated',
    pt: 'Ritmo de envio atualizado',
  },
  message_cancelled: {
    es: 'Mensaje cancelado: no se enviará',
    en: 'Message cancelled: it will not be sent',
    pt: 'Mensagem cancelada: não será enviada',
  },
  message_deleted: {
    es: 'Mensaje eliminado correctamente',
    en: 'Message deleted',
    pt: 'Mensagem excluída corretamente',
  },
  message_starred: {
    es: 'Mensaje destacado',
    en: 'Message starred',
    pt: 'Mensagem favoritada',
  },
  message_unstarred: {
    es: 'Mensaje sin destacar',
    en: 'Star taken off',
    pt: 'Mensagem desfavoritada',
  },
  messages_read: {
    es: 'Mensajes marcados como leídos',
    en: 'Messages marked as read',
    pt: 'Mensagens marcadas como lidas',
  },
  chat_updated: {
    es: 'Chat actualizado correctamente',
    en: 'Chat updated',
    pt: 'Chat atualizado corretamente',
  },
  chat_cleared: {
    es: 'Mensajes del chat eliminados',
    en: 'Messages of the chat removed',
    pt: 'Mensagens do chat removidas',
  },
  chats_transferred: {
    es: 'Chats transferidos correctamente',
    en: 'Chats transferred',
    pt: 'Conversas transferidas corretamente',
  },
  chat_deleted: {
    es: 'Chat eliminado correctamente',
    en: 'Chat deleted',
    pt: 'Chat excluído corretamente',
  },
  label_saved: {
    es: 'Etiqueta guardada',
    en: 'Label saved',
    pt: 'Etiqueta salva',
  },
  label_deleted: {
    es: 'Etiqueta eliminada',
    en: 'Label deleted',
    pt: 'Etiqueta excluída',
  },
  quick_reply_saved: {
    es: 'Respuesta rápida guardada',
    en: 'Quick reply saved',
    pt: 'Resposta rápida salva',
  },
  quick_reply_deleted: {
    es: 'Respuesta rápida eliminada',
    en: 'Quick reply deleted',
    pt: 'Resposta rápida excluída',
  },
  typing_sent: {
    es: 'Indicador de escritura enviado',
    en: 'Typing indicator sent',
    pt: 'Indicador de digitação enviado',
  },
  contact_not_found: {
    es: 'Contacto no encontrado',
    en: 'Contact not found',
    pt: 'Contato não encontrado',
  },
  contact_saved: {
    es: 'Contacto actualizado correctamente',
    en: 'Contact updated',
    pt: 'Contato atualizado corretamente',
  },
  group_created: {
    es: 'Grupo creado correctamente',
    en: 'Group made',
    pt: 'Grupo criado corretamente',
  },
  group_saved: {
    es: 'Grupo actualizado correctamente',
    en: 'Group updated',
    pt: 'Grupo atualizado corretamente',
  },
  group_left: {
    es: 'Ha salido del grupo',
    en: 'Left the group',
    pt: 'Saiu do grupo',
  },
  profile_saved: {
    es: 'Perfil actualizado correctamente',
    en: 'Profile updated',
    pt: 'Perfil atualizado corretamente',
  },
  picture_saved: {
    es: 'Foto actualizada correctamente',
    en: 'Picture updated',
    pt: 'Foto atualizada corretamente',
  },
  picture_removed: {
    es: 'Foto eliminada correctamente',
    en: 'Picture removed',
    pt: 'Foto removida corretamente',
  },
  contact_blocked: {
    es: 'Contacto bloqueado',
    en: 'Contact blocked',
    pt: 'Contato bloqueado',
  },
  contact_unblocked: {
    es: 'Contacto desbloqueado',
    en: 'Contact no longer blocked',
    pt: 'Contato desbloqueado',
  },
  call_rejected: {
    es: 'Llamada rechazada',
    en: 'Call refused',
    pt: 'Chamada recusada',
  },
  call_settings_saved: {
    es: 'Ajustes de llamadas actualizados',
    en: 'Call settings updated',
    pt: 'Configurações de chamadas atualizadas',
  },
  call_rejected_reply: {
    es: 'Este número no atiende llamadas. Escríbanos por aquí y le responderemos.',
    en: 'This number does not take calls. Write to us here and we will answer.',
    pt: 'Este número não atende chamadas. Escreva aqui e responderemos.',
  },
  newsletter_created: {
    es: 'Canal creado correctamente',
    en: 'Newsletter created',
    pt: 'Canal criado corretamente',
  },
  newsletter_saved: {
    es: 'Canal actualizado correctamente',
    en: 'Newsletter updated',
    pt: 'Canal atualizado corretamente',
  },
  newsletter_deleted: {
    es: 'Canal eliminado correctamente',
    en: 'Newsletter deleted',
    pt: 'Canal excluído corretamente',
  },
  status_posted: {
    es: 'Estado publicado correctamente',
    en: 'Status posted',
    pt: 'Status publicado corretamente',
  },
  status_deleted: {
    es: 'Estado eliminado correctamente',
    en: 'Status deleted',
    pt: 'Status excluído corretamente',
  },
  healthy: {
    es: 'API funcionando correctamente',
    en: 'The API is working',
    pt: 'API funcionando corretamente',
  },
  ready: {
    es: 'Listo para recibir tráfico',
    en: 'Ready for traffic',
    pt: 'Pronto para receber tráfego',
  },
  welcome: {
    es: 'Inbox Hub, pasarela de WhatsApp',
    en: 'Inbox Hub, a WhatsApp gateway',
    pt: 'Inbox Hub, gateway de WhatsApp',
  },
} as const satisfies Record<string, Text>

export type TextKey = keyof typeof texts

/** The text in one language, its values filled in. */
export function textIn(key: TextKey, language: Language, values?: TextValues): string {
  return say(texts[key], language, values)
}
