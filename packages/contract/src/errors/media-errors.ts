import type { ErrorFacts } from './error-facts.ts'

/** Failures of files; part of the table in index.ts. */
export const mediaErrors = {
  MEDIA_URL_REFUSED: {
    status: 400,
    message: {
      es: 'Esa dirección no se descarga',
      en: 'That address is not fetched',
      pt: 'Esse endereço não é baixado',
    },
    remedy: {
      es: 'Dé una dirección http(s) pública, sin usuario ni contraseña, en los puertos 80 o 443. Si el archivo está en su propia red, el operador puede permitirla en `OUTBOUND_ALLOW_CIDRS`, o súbalo.',
      en: 'Give a public http(s) address, without user and password, on port 80 or 443. If the file is in your own network, the operator can allow that in `OUTBOUND_ALLOW_CIDRS`; or upload the file.',
      pt: 'Dê um endereço http(s) público, sem usuário nem senha, nas portas 80 ou 443. Se o arquivo está na sua própria rede, o operador pode permiti-la em `OUTBOUND_ALLOW_CIDRS`; ou envie o arquivo.',
    },
  },
  MEDIA_URL_FAILED: {
    status: 400,
    message: {
      es: 'El archivo no se pudo descargar de esa dirección',
      en: 'The file could not be fetched from that address',
      pt: 'O arquivo não pôde ser baixado desse endereço',
    },
    remedy: {
      es: 'Vea `details.reason`. Compruebe que la dirección entrega el archivo sin iniciar sesión y a tiempo, o súbalo.',
      en: 'See `details.reason`. Check that the address gives the file without a login and in time, or upload the file.',
      pt: 'Veja `details.reason`. Verifique que o endereço entrega o arquivo sem login e a tempo, ou envie o arquivo.',
    },
  },
  FILE_EMPTY: {
    status: 400,
    message: { es: 'El archivo está vacío', en: 'The file is empty', pt: 'O arquivo está vazio' },
    remedy: {
      es: 'Envíe un archivo que tenga contenido.',
      en: 'Send a file that has something in it.',
      pt: 'Envie um arquivo que tenha conteúdo.',
    },
  },
  MEDIA_PATH_REFUSED: {
    status: 400,
    message: {
      es: 'Ese archivo del servidor no se puede enviar',
      en: 'That file of the server cannot be sent',
      pt: 'Esse arquivo do servidor não pode ser enviado',
    },
    remedy: {
      es: 'Solo se envían archivos que están en la carpeta `MEDIA_UPLOAD_DIR` del servidor, por su ruta dentro de ella. Súbalo, o envíelo por `url` o `base64`.',
      en: 'Only files in the folder `MEDIA_UPLOAD_DIR` of the server are sent, by their path in it. Upload it, or send it by `url` or `base64`.',
      pt: 'Só se enviam arquivos que estão na pasta `MEDIA_UPLOAD_DIR` do servidor, pelo caminho dentro dela. Envie-o por upload, `url` ou `base64`.',
    },
  },
  MEDIA_BROKEN: {
    status: 400,
    message: {
      es: 'El archivo no se puede leer como lo que debe enviarse',
      en: 'The file cannot be read as what it is to be sent as',
      pt: 'O arquivo não pode ser lido como o que deve ser enviado',
    },
    remedy: {
      es: 'Vea `details.reason`. Compruebe que el archivo se abre en otro programa y está completo, o envíelo como `document`.',
      en: 'See `details.reason`. Check that another program opens the file and that it is whole, or send it as `document`.',
      pt: 'Veja `details.reason`. Verifique que outro programa abre o arquivo e que ele está completo, ou envie-o como `document`.',
    },
  },
  MEDIA_CONVERSION_TOO_SLOW: {
    status: 400,
    message: {
      es: 'Convertir el archivo tardó demasiado',
      en: 'Converting the file took too long',
      pt: 'Converter o arquivo demorou demais',
    },
    remedy: {
      es: 'No se envió nada. Conviértalo antes (vídeo MP4 con H.264, audio OGG con Opus), acórtelo, o envíelo como `document`.',
      en: 'Nothing was sent. Convert it beforehand (MP4 with H.264, OGG with Opus), shorten it, or send it as `document`.',
      pt: 'Nada foi enviado. Converta-o antes (vídeo MP4 com H.264, áudio OGG com Opus), encurte-o, ou envie-o como `document`.',
    },
  },
  MEDIA_CONVERSION_UNAVAILABLE: {
    status: 415,
    message: {
      es: 'El archivo debe convertirse, y este servidor no puede convertir',
      en: 'The file has to be converted, and this server cannot convert',
      pt: 'O arquivo precisa ser convertido, e este servidor não pode converter',
    },
    remedy: {
      es: 'El operador debe instalar ffmpeg (vea `inbox-hub doctor`). Sin él, envíe notas de voz en OGG con Opus, vídeos en MP4, imágenes en JPEG o PNG y stickers en WebP de 512×512.',
      en: 'The operator has to install ffmpeg (see `inbox-hub doctor`). Without it, send voice notes as OGG with Opus, videos as MP4, pictures as JPEG or PNG and stickers as WebP of 512×512.',
      pt: 'O operador deve instalar o ffmpeg (veja `inbox-hub doctor`). Sem ele, envie mensagens de voz em OGG com Opus, vídeos em MP4, imagens em JPEG ou PNG e figurinhas em WebP de 512×512.',
    },
  },
  MEDIA_LINK_INVALID: {
    status: 403,
    message: {
      es: 'El enlace no es válido o ha vencido',
      en: 'The link is not valid or has expired',
      pt: 'O link não é válido ou venceu',
    },
    remedy: {
      es: 'Pida un enlace nuevo con `GET /api/media/<mediaId>`.',
      en: 'Ask for a new link with `GET /api/media/<mediaId>`.',
      pt: 'Peça um link novo com `GET /api/media/<mediaId>`.',
    },
  },
  MEDIA_NOT_FOUND: {
    status: 404,
    message: { es: 'Archivo no encontrado', en: 'File not found', pt: 'Arquivo não encontrado' },
    remedy: {
      es: 'El mensaje no lleva archivo, o el archivo ya no se conserva.',
      en: 'The message carries no file, or the file is no longer kept.',
      pt: 'A mensagem não traz arquivo, ou o arquivo não é mais mantido.',
    },
  },
  MEDIA_EXPIRED: {
    status: 404,
    message: {
      es: 'WhatsApp ya no conserva el archivo, y el teléfono no pudo enviarlo de nuevo',
      en: 'WhatsApp keeps the file no more, and the phone could not send it again',
      pt: 'O WhatsApp não guarda mais o arquivo, e o telefone não pôde enviá-lo de novo',
    },
    remedy: {
      es: 'Compruebe que el teléfono está encendido, con red y aún con el archivo; pídalo de nuevo, o que lo reenvíen.',
      en: 'See that the phone is on, has network and still has the file; ask for it again, or have it sent again.',
      pt: 'Verifique se o telefone está ligado, com rede e ainda com o arquivo; peça-o de novo, ou que o reenviem.',
    },
  },
  MEDIA_REJECTED: {
    status: 404,
    message: {
      es: 'El archivo que llegó no es el que describe su mensaje',
      en: 'The file that came is not what its message says',
      pt: 'O arquivo que chegou não é o que a mensagem descreve',
    },
    remedy: {
      es: 'Está dañado o falsificado y no se guarda. Pida a quien lo envió que lo envíe de nuevo.',
      en: 'It is damaged or forged, and is not kept. Ask whoever sent it to send it again.',
      pt: 'Está danificado ou falsificado e não é guardado. Peça a quem o enviou que o envie de novo.',
    },
  },
  MEDIA_NOT_READY: {
    status: 404,
    message: {
      es: 'El archivo todavía no está disponible',
      en: 'The file is not there yet',
      pt: 'O arquivo ainda não está disponível',
    },
    remedy: {
      es: 'Se está descargando: repita la petición tras los segundos de `Retry-After`.',
      en: 'It is being fetched: repeat the request after the seconds in `Retry-After`.',
      pt: 'Está sendo baixado: repita a requisição após os segundos de `Retry-After`.',
    },
  },
  FILE_TOO_LARGE: {
    status: 413,
    message: {
      es: 'El archivo es demasiado grande',
      en: 'The file is too large',
      pt: 'O arquivo é grande demais',
    },
    remedy: {
      es: 'Envíe un archivo más pequeño; `details.maxBytes` dice el máximo.',
      en: 'Send a smaller file; `details.maxBytes` says the most.',
      pt: 'Envie um arquivo menor; `details.maxBytes` diz o máximo.',
    },
  },
  MEDIA_DIMENSIONS_TOO_LARGE: {
    status: 413,
    message: {
      es: 'La imagen tiene demasiados píxeles',
      en: 'The picture has too many pixels',
      pt: 'A imagem tem pixels demais',
    },
    remedy: {
      es: 'Redúzcala; `details` dice su tamaño y el máximo. Como `document` se envía tal cual.',
      en: 'Scale it down; `details` says its size and the most. As a `document` it is sent as it is.',
      pt: 'Reduza-a; `details` diz o tamanho dela e o máximo. Como `document` é enviada como está.',
    },
  },
  MEDIA_QUOTA_EXCEEDED: {
    status: 413,
    message: {
      es: 'No queda espacio para archivos: el límite son {quotaMiB} MiB',
      en: 'There is no room for files left: the limit is {quotaMiB} MiB',
      pt: 'Não resta espaço para arquivos: o limite são {quotaMiB} MiB',
    },
    remedy: {
      es: 'Borre archivos con `DELETE /api/media/<mediaId>`, o pida al operador que suba `MEDIA_QUOTA_MB`.',
      en: 'Remove files with `DELETE /api/media/<mediaId>`, or ask the operator to raise `MEDIA_QUOTA_MB`.',
      pt: 'Apague arquivos com `DELETE /api/media/<mediaId>`, ou peça ao operador que aumente `MEDIA_QUOTA_MB`.',
    },
  },
  UNSUPPORTED_MEDIA_TYPE: {
    status: 415,
    message: {
      es: 'Ese tipo de contenido no se admite aquí',
      en: 'That type of content is not taken here',
      pt: 'Esse tipo de conteúdo não é aceito aqui',
    },
    remedy: {
      es: 'Envíe `Content-Type: application/json`; al subir un archivo, `multipart/form-data` o el tipo del archivo.',
      en: 'Send `Content-Type: application/json`; when uploading a file, `multipart/form-data` or the type of the file.',
      pt: 'Envie `Content-Type: application/json`; ao enviar um arquivo, `multipart/form-data` ou o tipo do arquivo.',
    },
  },
  FILE_TYPE_MISMATCH: {
    status: 415,
    message: {
      es: 'El contenido del archivo no es del tipo pedido',
      en: 'What is in the file is not of the type asked for',
      pt: 'O conteúdo do arquivo não é do tipo pedido',
    },
    remedy: {
      es: 'Vea `details.found`. Quite `type`, o envíelo como `document`, que admite cualquier archivo.',
      en: 'See `details.found`. Leave `type` out, or send it as `document`, which takes any file.',
      pt: 'Veja `details.found`. Retire `type`, ou envie-o como `document`, que aceita qualquer arquivo.',
    },
  },
  RANGE_NOT_SATISFIABLE: {
    status: 416,
    message: {
      es: 'Ese rango de bytes no se puede entregar',
      en: 'That range of bytes cannot be given',
      pt: 'Esse intervalo de bytes não pode ser entregue',
    },
    remedy: {
      es: 'Pida un solo rango, dentro del tamaño que dice `Content-Range`.',
      en: 'Ask for a single range, within the size that `Content-Range` says.',
      pt: 'Peça um único intervalo, dentro do tamanho que `Content-Range` indica.',
    },
  },
  MEDIA_DAMAGED: {
    status: 500,
    message: {
      es: 'El archivo falta en el almacén o está dañado',
      en: 'The file is missing from the store, or damaged',
      pt: 'O arquivo falta no armazenamento ou está danificado',
    },
    remedy: {
      es: 'Súbalo de nuevo. El operador debe revisar el disco o el bucket, y restaurar la copia de seguridad de los archivos.',
      en: 'Upload it again. The operator should look at the disk or the bucket, and restore the backup of the files.',
      pt: 'Envie-o de novo. O operador deve verificar o disco ou o bucket, e restaurar o backup dos arquivos.',
    },
  },
  MEDIA_STORE_UNAVAILABLE: {
    status: 503,
    message: {
      es: 'El almacén de archivos no funciona en este momento',
      en: 'The store of files does not work at the moment',
      pt: 'O armazenamento de arquivos não funciona no momento',
    },
    remedy: {
      es: 'No se guardó nada: repita la petición. El operador verá la causa en `/health/ready` y con `inbox-hub doctor`.',
      en: 'Nothing was stored: repeat the request. The operator sees the cause at `/health/ready` and with `inbox-hub doctor`.',
      pt: 'Nada foi guardado: repita a requisição. O operador vê a causa em `/health/ready` e com `inbox-hub doctor`.',
    },
  },
} as const satisfies Record<string, ErrorFacts>
