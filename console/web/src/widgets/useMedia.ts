import {useMediaQuery} from '@mantine/hooks'

/** Whether a media query holds, right from the first drawing; unknown is what to assume until the browser has said so. */
export const useMedia = (query: string, unknown = false) => useMediaQuery(query, undefined, {getInitialValueInEffect: false}) ?? unknown
